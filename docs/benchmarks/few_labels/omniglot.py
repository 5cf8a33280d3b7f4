"""Omniglot, the "minimal" setting: new characters of an unseen alphabet from one example each.

    python -m docs.benchmarks omniglot --data FOLDER --method prototypical --minutes 30

FOLDER has omniglot_background_small1.zip and ...small2.zip, or is named by TL_KERAS_DATA. A model
learns from one file and is judged on alphabets of the other that it has not seen: the files share
Greek and Latin, which are left out. An episode has 20 characters of one alphabet, one drawer shows
them and another draws the queries. `--runs FOLDER` judges it on the standard runs too, a folder a
run; then `--train both` learns from both files.
"""

import os
import time
from pathlib import Path

import keras
import numpy as np

from docs.benchmarks.shared.page import table_head

FILES = ("omniglot_background_small1.zip", "omniglot_background_small2.zip")
WAYS = 20
BASELINES = ("pixels", "hausdorff")
SIDES = {"prototypical": 48, "reptile": 28, "maml": 28}  # pixels
RECIPES = {
    # 300 steps of Adam a minute on a GPU; the learning rate decays over the time.
    "prototypical": {},
    "reptile": {"n_way": WAYS, "k_shot": 1, "n_query": 9, "inner_lr": 0.1, "test_steps": 20},
    "maml": {"n_way": WAYS, "k_shot": 1, "n_query": 2, "inner_lr": 0.4, "inner_steps": 3},
}
METHODS = (*RECIPES, *BASELINES)


def add_options(options):
    options.add_argument("--data", default=os.environ.get("TL_KERAS_DATA", "."))
    options.add_argument("--method", choices=METHODS, default="prototypical")
    options.add_argument("--train", choices=("small1", "small2", "both"), default="small1")
    options.add_argument("--minutes", type=float, default=30.0)
    options.add_argument("--steps", type=int, help="optimizer steps in place of minutes")
    options.add_argument("--episodes", type=int, default=100, help="per epoch")
    options.add_argument("--judged", type=int, default=1000, help="episodes that judge")
    options.add_argument("--width", type=int)
    options.add_argument("--runs", help="folder of the standard runs")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--out", help="file of the trained model")


def main(given):
    train, test = _load(given, fine=True)
    columns = ("train", "method", "judged", "n", "error, %", "95 % interval")
    print("\n".join(table_head(*columns)), flush=True)
    if given.method in BASELINES:
        _judge_baseline(given, test)
        return
    keras.utils.set_random_seed(given.seed)
    model = build(given)
    started = time.monotonic()
    history = _fit(given, model, train)
    model.save(given.out or f"omniglot_{given.method}_{given.train}.keras")
    print(
        f"<!-- {len(history.epoch)} epochs in {time.monotonic() - started:.0f} s, accuracy "
        f"{history.history['accuracy'][-1]:.3f}, seed {given.seed} -->",
        flush=True,
    )
    _judge(given, model, test)


def build(given):
    """Returns the untrained model of a method."""
    from tl_keras import MAML, PrototypicalNetwork, Reptile
    from tl_keras.models.episodic.character_encoders import build_character_resnet, build_conv4

    kinds = {"prototypical": PrototypicalNetwork, "reptile": Reptile, "maml": MAML}
    encoder = build_conv4(28) if SIDES[given.method] == 28 else build_character_resnet(48)
    if given.width:
        builder = build_conv4 if SIDES[given.method] == 28 else build_character_resnet
        encoder = builder(SIDES[given.method], width=given.width)
    return kinds[given.method](encoder, seed=given.seed, **RECIPES[given.method])


def _fit(given, model, train):
    from tl_keras.data.pipelines.episodes import TaskSampler
    from tl_keras.data.sources.omniglot import alphabets_of, oriented_classes
    from tl_keras.training.time_limit import CosineOverTime
    from tl_keras.training.whole.on_episodes import fit_on_episodes

    drawn = oriented_classes(train.images)
    sampler = TaskSampler(model.n_way, model.k_shot, model.n_query, seed=given.seed)
    tasks = sampler.tasks(drawn, groups=alphabets_of(drawn.class_names), grouped=0.5)
    if given.steps:
        epochs = max(1, given.steps * model.recipe["batch_size"] // given.episodes)
        return fit_on_episodes(model, tasks, epochs=epochs, episodes=given.episodes)
    return fit_on_episodes(
        model,
        tasks,
        epochs=100_000,
        episodes=given.episodes,
        schedule="constant",
        callbacks=[CosineOverTime(60 * given.minutes)],
    )


def _load(given, *, fine):
    """Returns (train, test) as `Omniglot`; of alphabets that only one of them has."""
    from tl_keras.data.sources.omniglot import load_omniglot

    first, second = (Path(given.data, name) for name in FILES)
    sources = {"small1": ([first], [second]), "small2": ([second], [first])}
    sources["both"] = ([first, second], [second])
    learned, judged = sources[given.train]
    side = 2 * SIDES.get(given.method, 28) if fine else 105
    train = load_omniglot(*learned, image_size=side)
    test = load_omniglot(*judged)
    return train, None if given.train == "both" else _unseen(train, test)


def _unseen(train, test):
    """Leaves out alphabets of the training and those of fewer than 20 characters."""
    from tl_keras.data.sources.omniglot import alphabets_of

    names = alphabets_of(test.images.class_names)
    small = [name for name in test.alphabets if names.count(name) < WAYS]
    return test.without([*train.alphabets, *small])


def tasks_of(omniglot, image_size, seed=0):
    """Returns the episodes that judge: one alphabet, one drawer shows, another draws queries."""
    from tl_keras.data.dataset import ImageDataset
    from tl_keras.data.pipelines.episodes import TaskSampler
    from tl_keras.data.sources.omniglot import alphabets_of

    whole = omniglot.images
    resized = whole.decoded((image_size, image_size))[..., 0]
    images = ImageDataset(np.ascontiguousarray(resized), whole.labels, whole.class_names, "test")
    groups = alphabets_of(whole.class_names)
    sampler = TaskSampler(WAYS, 1, 1, seed=seed)
    return sampler.tasks(images, groups=groups, drawers=omniglot.drawers)


def _judge_baseline(given, test):
    from tl_keras.evaluation.episodes.accuracy import episode_accuracies
    from tl_keras.evaluation.episodes.hausdorff import NearestInk
    from tl_keras.evaluation.episodes.pixels import NearestPixels
    from tl_keras.evaluation.episodes.standard_runs import read_runs, run_accuracies

    learner = NearestPixels() if given.method == "pixels" else NearestInk()
    side = 28 if given.method == "pixels" else 105
    if test is not None:
        tasks = tasks_of(test, side)
        _row(given, "episodes", episode_accuracies(learner, tasks, given.judged))
    if given.runs:
        _row(given, "standard runs", run_accuracies(learner, read_runs(given.runs, side)))


def _judge(given, model, test):
    from tl_keras.evaluation.episodes.accuracy import episode_accuracies
    from tl_keras.evaluation.episodes.standard_runs import read_runs, run_accuracies

    side = SIDES[given.method]
    if test is not None and given.method == "prototypical":
        _judge_features(given, model, test)
    elif test is not None:
        scores = episode_accuracies(model, tasks_of(test, side), given.judged)
        _row(given, "episodes, inductive", scores)
    if test is not None:
        some = episode_accuracies(
            model, tasks_of(test, side), min(given.judged, 200), transductive=True
        )
        _row(given, "episodes, transductive", some)
    if given.runs and given.method == "prototypical":
        _judge_runs(given, model)
    elif given.runs:
        runs = read_runs(given.runs, side)
        _row(given, "standard runs, inductive", run_accuracies(model, runs))


def _judge_features(given, model, test):
    """Judges nearest prototypes on features that are computed once, without and with copies."""
    from tl_keras.evaluation.episodes.accuracy import episode_accuracies
    from tl_keras.evaluation.episodes.on_features import NearestPrototype, copied_features

    tasks = tasks_of(test, 2 * SIDES[given.method])
    for copies in (0, 8):
        features = copied_features(model.features, tasks.dataset, copies=copies)
        scores = episode_accuracies(NearestPrototype(), tasks, given.judged, features=features)
        _row(given, f"episodes, inductive, {copies} copies", scores)


def _judge_runs(given, model):
    from tl_keras.data.dataset import ImageDataset
    from tl_keras.evaluation.episodes.on_features import NearestPrototype, copied_features
    from tl_keras.evaluation.episodes.standard_runs import read_runs, run_accuracies

    runs = read_runs(given.runs, 2 * SIDES[given.method])
    for copies in (0, 8):

        def embedded(images, copies=copies):
            return copied_features(model.features, ImageDataset(images), copies=copies)

        taken = [r._replace(support=embedded(r.support), query=embedded(r.query)) for r in runs]
        scores = run_accuracies(NearestPrototype(), taken)
        _row(given, f"standard runs, inductive, {copies} copies", scores)


def _row(given, judged, accuracies):
    from tl_keras.evaluation.statistics.intervals import mean_interval

    found = mean_interval(100 * (1 - accuracies))
    half = 0.0 if found.half is None else found.half
    print(
        f"| {given.train} | {given.method} | {judged} | {found.n} | {found.mean:.1f} | "
        f"± {half:.1f} |",
        flush=True,
    )
