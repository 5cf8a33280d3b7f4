"""The linear start of a fine-tuning, measured beside the classifier that came of it."""

import dataclasses

from tl_keras.evaluation.statistics.intervals import paired_accuracy_difference
from tl_keras.jobs.runs.measuring import main_figures, measure
from tl_keras.jobs.train.calibrating import calibrate, held_out_predictions


def fine_tuning_figures(tuned):
    """The content of "fine_tuning" in metrics.json: the points that validation chose from.

    Args:
        tuned: `FromLinear`.
    """
    kept = tuned.starts.both if tuned.refit else tuned.starts.train
    return {
        "strength": kept.strength,
        "seconds_of_fit": kept.seconds,
        "refit": tuned.refit,
        "points": [dataclasses.asdict(point) for point in tuned.points],
        "chosen": tuned.chosen,
        "averaged": tuned.members and tuned.members.points,
    }


def linear_start_figures(outcome, model):
    """The content of "linear_start" in metrics.json: the start alone on the test images.

    It is calibrated like the model, on predictions of its own: log losses are compared. A model
    that is its start is not measured again. Others have their own weights again afterwards.

    Args:
        outcome: `TrainingResult` of the trained classifier.
        model: the classifier itself, without others that are averaged with it.
    """
    history, tuned = outcome.history, outcome.history.from_linear
    seconds = {"seconds": history.seconds["linear_start"]}
    if not tuned.chosen and tuned.members is None and "unlabelled" not in outcome.metrics:
        return outcome.metrics["test"] | seconds | ahead_of(outcome.probabilities, outcome)
    trained = model.get_weights()
    model.set_weights(tuned.weights)
    flips = outcome.metrics["test_time_flips"]
    alone = dataclasses.replace(tuned, chosen=0, val=tuned.starts.val, members=None)
    start = dataclasses.replace(outcome.start, model=model)
    calibrate(model, *held_out_predictions(alone, start, flips))
    probabilities, figures = measure(model, outcome.start.splits.test, flips=flips)
    model.set_weights(trained)
    return {
        **main_figures(figures),
        **seconds,
        **ahead_of(probabilities, outcome),
    }


def ahead_of(probabilities, outcome):
    """Compares the trained classifier with other predictions on its test images, paired.

    Args:
        probabilities: float (n, num_classes) of the others.
        outcome: `TrainingResult` of the trained classifier.

    Returns:
        {"difference", "half_width"}: of the accuracies, and of its 95% interval.
    """
    labels = outcome.start.splits.test.labels
    right = [each.argmax(axis=1) == labels for each in (outcome.probabilities, probabilities)]
    difference, half_width = paired_accuracy_difference(*right)
    return {"difference": difference, "half_width": half_width}
