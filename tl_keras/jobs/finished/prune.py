"""`tl-keras prune`: a trained classifier with most of its weights at zero."""

import dataclasses

import keras

from tl_keras.jobs.runs.derived_run import load_origin, write_run
from tl_keras.jobs.runs.measuring import main_figures, measure
from tl_keras.jobs.runs.reading.run_splits import config_of_origin, kept_fixes
from tl_keras.jobs.runs.replicated import replicated
from tl_keras.jobs.runs.writing.disk_room import check_model_room
from tl_keras.jobs.runs.writing.interruptions import keeping_interrupted
from tl_keras.jobs.runs.writing.recorded_run import recorded_run
from tl_keras.jobs.runs.writing.run_folder import default_run_path
from tl_keras.models.answers.answering_model import classifier_of
from tl_keras.models.averaged_classifier import averages
from tl_keras.models.precision import compute_in
from tl_keras.progress import say
from tl_keras.settings.finished_runs import PruneRunSettings
from tl_keras.settings.options.declaration import values_of
from tl_keras.settings.options.signatures import takes_settings
from tl_keras.settings.whole_model import DeviceSettings
from tl_keras.training.whole.pruning import prune as prune_model


@takes_settings(PruneRunSettings)
@replicated
def prune(settings):
    """Prunes the classifier of a run on the run's own data and writes a run folder of its own.

    Args:
        settings: `PruneRunSettings`, or its fields one by one.

    Returns:
        Path of the run folder; its metrics.json has the size before and after under "pruning".

    Raises:
        InputError: the run, its data or a setting cannot be used.
    """
    keras.utils.set_random_seed(settings.prune.seed)
    trained, splits, _ = load_origin(settings.run)
    if averages(trained.model):
        say(
            f"{trained.path} averages several networks; the fine-tuned one that counts most is "
            "pruned."
        )
        trained = dataclasses.replace(trained, model=classifier_of(trained.model))
    compute_in(trained.model, keras.config.dtype_policy())
    path = settings.out or default_run_path(trained.path, "pruned")
    with recorded_run(path, "prune", settings) as folder:
        check_model_room(folder.path, trained.model)
        config = {
            **config_of_origin(trained),
            "out": settings.out,
            "max_error": None,
            "pruned_from": settings.run,
            "sparsity": settings.sparsity,
            "prune": settings.prune.to_json(),
            **values_of(settings, DeviceSettings),
        }
        folder.write_json("config.json", config)
        folder.write_environment()
        folder.write_splits(splits)
        folder.keep_fixes(kept_fixes(trained))
        folder.write_classes(trained.class_names, trained.model, flips=trained.flips)
        before = main_figures(measure(trained.model, splits.test, flips=trained.flips)[1])
        with keeping_interrupted(folder, trained.model):
            history = prune_model(
                trained.model,
                settings.sparsity,
                splits.train,
                splits.val,
                **vars(settings.prune),
            )
        pruning = {**history.pruning, "test_before": before}
        metrics = {"pruning": pruning}
        write_run(folder, trained, splits, trained.model, history, metrics, flips=trained.flips)
    old, new = (pruning[when]["gzip_bytes"] for when in ("before", "after"))
    say(
        f"Before: {before['accuracy']:.1%}. Compressed weights {old / 1e6:.2f} MB before, "
        f"{new / 1e6:.2f} MB now."
    )
    return folder.path
