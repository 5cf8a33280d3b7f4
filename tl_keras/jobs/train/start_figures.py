"""The linear start of a fine-tuning, measured beside the classifier that came of it."""

import dataclasses

from tl_keras.evaluation.classifiers.classification import evaluate_predictions
from tl_keras.evaluation.statistics.intervals import paired_accuracy_difference
from tl_keras.jobs.runs.measuring import main_figures, measure
from tl_keras.jobs.train.calibrating import calibrate, held_out_predictions
from tl_keras.training.temperature import tempered


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
        "averaged": tuned.members and _averaged(tuned.members),
    }


def _averaged(members):
    again = members.again or [None] * len(members.points)
    names = ("point", "proportion", "temperature", "refit")
    columns = members.points, members.proportions, members.temperatures, again
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def linear_start_figures(outcome, model):
    """The content of "linear_start" in metrics.json: the start alone on the test images.

    It is calibrated like the model, on predictions of its own: log losses are compared. A model
    that is its start, or averages it with others, is not measured again. Others have their own
    weights again afterwards.

    Args:
        outcome: `TrainingResult` of the trained classifier.
        model: the single classifier, as `fine_tune` left it.
    """
    history, tuned = outcome.history, outcome.history.from_linear
    seconds = {"seconds": history.seconds["linear_start"]}
    if not tuned.chosen and tuned.members is None and "unlabelled" not in outcome.metrics:
        return outcome.metrics["test"] | seconds | ahead_of(outcome.probabilities, outcome)
    trained = model.get_weights()
    model.set_weights(tuned.weights)
    flips = outcome.metrics["test_time_flips"]
    alone = dataclasses.replace(tuned, chosen=0, val=tuned.starts.val, members=None)
    start, test = dataclasses.replace(outcome.start, model=model), outcome.start.splits.test
    temperature = calibrate(model, *held_out_predictions(alone, start, flips))
    averaged = outcome.metrics["fine_tuning"]["averaged"] or []
    place = next((n for n, each in enumerate(averaged) if not each["point"]), None)
    if place is None:
        probabilities, figures = measure(model, test, flips=flips)
    else:  # among the networks, at another temperature
        own = averaged[place]["temperature"]
        probabilities = tempered(outcome.networks[place], (temperature or 1.0) / own)
        figures = evaluate_predictions(probabilities, test.labels, test.class_names)
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
