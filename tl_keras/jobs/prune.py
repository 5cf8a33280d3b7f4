"""`tl-keras prune`: a trained classifier with most of its weights at zero."""

import dataclasses

import keras

from tl_keras.checks import check_number
from tl_keras.jobs.runs.derived_run import load_origin, write_run
from tl_keras.jobs.runs.interruptions import keeping_interrupted
from tl_keras.jobs.runs.measuring import headline, measure
from tl_keras.jobs.runs.run_folder import RunFolder, default_run_path
from tl_keras.jobs.runs.run_splits import say_if_refitted
from tl_keras.progress import say
from tl_keras.training.settings import PruneSettings
from tl_keras.training.whole.pruning import prune as prune_model


def prune(run, *, sparsity, out=None, **settings):
    """Prunes the classifier of a run on the run's own data and writes a run folder of its own.

    Args:
        run: run folder.
        sparsity: see `tl_keras.prune`.
        out: run folder to write; None for runs/RUN-pruned-TIME.
        **settings: those of `tl_keras.prune`.

    Returns:
        Path of the run folder; its metrics.json has the size before and after under "pruning".

    Raises:
        InputError: the run, its data or a setting cannot be used.
    """
    chosen = PruneSettings(**settings)
    check_number("sparsity", sparsity, above=0, below=1)
    keras.utils.set_random_seed(chosen.seed)
    trained, splits, _ = load_origin(run)
    say_if_refitted(trained)
    with RunFolder(out or default_run_path(trained.path, "pruned")) as folder:
        config = {
            **trained.config,
            "out": out and str(out),
            "pruned_from": str(run),
            "sparsity": sparsity,
        }
        folder.write_json("config.json", {**config, "prune": dataclasses.asdict(chosen)})
        folder.write_environment()
        folder.write_splits(splits)
        before = headline(measure(trained.model, splits.test)[1])
        with keeping_interrupted(folder, trained.model):
            history = prune_model(trained.model, sparsity, splits.train, splits.val, **settings)
        pruning = {**history.pruning, "test_before": before}
        write_run(folder, trained, splits, trained.model, history, {"pruning": pruning})
    old, new = (pruning[when]["gzip_bytes"] for when in ("before", "after"))
    say(
        f"Before: {before['accuracy']:.1%}. Compressed weights {old / 1e6:.2f} MB before, "
        f"{new / 1e6:.2f} MB now."
    )
    return folder.path
