"""`tl-keras evaluate`: accuracy of a trained classifier on labelled images."""

import json

from tl_keras.evaluation.classifiers.answers import answer_figures, answers_on
from tl_keras.files import write_json
from tl_keras.jobs.output_files import check_output, figures_of
from tl_keras.jobs.runs.measuring import main_figures, measure
from tl_keras.jobs.runs.reading.run_splits import (
    check_fixes,
    other_images,
    own_splits,
    say_if_refitted,
)
from tl_keras.jobs.runs.reading.trained_run import load_run
from tl_keras.jobs.runs.writing.run_folder import RunFolder
from tl_keras.jobs.runs.writing.unmeasured import (
    mark_measured,
    read_config,
    read_history,
    read_unmeasured,
)
from tl_keras.jobs.train.starting_point import StartingPoint
from tl_keras.jobs.train.train import measured, write_result
from tl_keras.progress import say
from tl_keras.settings.finished_runs import EvaluateSettings
from tl_keras.settings.options.signatures import takes_settings

FIGURES = figures_of("evaluate", "accuracy", "loss", "num_examples", "confusion_matrix")
SPLITS = ("train", "val", "test", "all")


@takes_settings(EvaluateSettings)
def evaluate(settings):
    """Measures the classifier of a run folder and prints its figures.

    The run's own images are found again by their content, in the splits that it was trained with.
    A run that stopped while it was measured gets its metrics.json and its page.

    Args:
        settings: `EvaluateSettings`, or its fields one by one.

    Returns:
        The figures of `evaluation.classifiers.classification.evaluate_predictions`; those of a run
        with max_error have "answers", see `evaluation.classifiers.answers.answer_figures`.

    Raises:
        InputError: the run, the data or the split cannot be used.
    """
    data = settings.data
    check_fixes(settings)
    if settings.out is not None:
        check_output(settings.out, FIGURES)
    split = settings.split or ("test" if data is None else "all")
    trained = load_run(settings.run)
    splits = None
    if data is None:
        if split in ("val", "all"):
            say_if_refitted(trained)
        splits = _own(trained, split)
        parts = [part for part in splits[:3] if part and split in (part.split, "all")]
    else:
        parts = other_images(trained, data, split, settings.fixes)
    _, figures = measure(trained.model, *parts, batch_size=settings.batch_size, flips=trained.flips)
    if trained.answering is not None:
        given = answers_on(trained.answering, *parts, batch_size=settings.batch_size)
        figures["answers"] = answer_figures(given)
    shown = {key: value for key, value in figures.items() if not isinstance(value, list)}
    print(json.dumps(shown, indent=2))  # noqa: T201 - the result of the command
    if settings.out is not None:
        write_json(settings.out, figures)
    if splits is not None:
        _complete(trained, splits)
    return figures


def _own(trained, split):
    """The run's `Splits`, with images of each class in those that are measured."""
    asked = SPLITS[:3] if split == "all" else (split,)
    unmeasured = () if read_unmeasured(trained.path) is None else ("val", "test")
    return own_splits(trained, tuple(name for name in SPLITS if name in (*asked, *unmeasured)))[0]


def _complete(trained, splits):
    """Writes what is missing of a run that stopped while it was measured."""
    unmeasured = read_unmeasured(trained.path)
    if unmeasured is None:
        return
    known, phases = unmeasured
    known["pictures"] = {part.split: len(part) for part in splits[:3]}
    with RunFolder(trained.path, continues=trained.config) as run:
        if phases is None:
            run.write_json("metrics.json", known | _main_figures(trained, splits))
            mark_measured(run)
        else:
            start = StartingPoint(trained.model, splits, known["weights"])
            history = read_history(run.path, phases, known["best_epoch"])
            config = read_config(trained.config)
            write_result(run, measured(config, start, history, known, trained.answering))
    say(f"{run.path} was not measured before; it is complete now, without controls.")


def _main_figures(trained, splits):
    return {
        part.split: main_figures(measure(trained.model, part, flips=trained.flips)[1])
        for part in splits[1:3]
    }
