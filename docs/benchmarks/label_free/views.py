"""Times two-view training with the views made in `tf.data` and inside the model's step.

Both do the same operations on the same batches; they take turns, some steps each, because the
speed of a machine drifts, and medians are compared. Writes its section of docs/benchmarks.md.

    python -m docs.benchmarks views --rounds 7
"""

import statistics
import time

from docs.benchmarks.shared.page import machine, replace_section, table_head
from docs.benchmarks.shared.timing import median_ratio

BATCH, STEPS = 256, 8
KINDS = {"digits": (28, 28), "cifar": (32, 32, 3), "photos": (96, 96, 3)}  # preset -> image


def add_options(options):
    options.add_argument("--rounds", type=int, default=7)


def main(given):
    rows = [compare(name, shape, given.rounds) for name, shape in KINDS.items()]
    write_table(rows, given.rounds)


def compare(name, shape, rounds):
    """(preset, image's shape, views/s in `tf.data` and in the step, median of pairs)."""
    import numpy as np

    from tl_keras import ImageDataset, SimCLR
    from tl_keras.models.two_views.view_inputs import dataset_batches

    rng = np.random.default_rng(0)
    data = ImageDataset.from_arrays(rng.integers(0, 256, (8 * BATCH, *shape), dtype=np.uint8))
    outside, inside = compiled(SimCLR, shape), compiled(with_views_inside(name), shape)
    how = {"training": True, "repeat": True, "seed": 0, "augment": name}
    views = dataset_batches(outside, data, BATCH, **how)
    turns = {
        "outside": fitting(outside, views),
        "inside": fitting(inside, plain_batches(data, shape)),
    }
    seconds = {turn: [] for turn in turns}
    for _ in range(rounds + 1):
        for turn, run in turns.items():
            seconds[turn].append(run())
    seconds = {turn: values[1:] for turn, values in seconds.items()}  # the first round traces
    rates = (2 * BATCH * STEPS / statistics.median(seconds[turn]) for turn in turns)
    return name, shape, *rates, median_ratio(seconds["inside"], seconds["outside"])


def compiled(method, shape):
    from tl_keras import build_small_resnet

    model = method(build_small_resnet(shape[:2]))
    model.compile()
    return model


def with_views_inside(name):
    """SimCLR whose step takes images with their indices and makes the views itself."""
    from tl_keras import SimCLR
    from tl_keras.data.pipelines.two_views import two_views

    class Inside(SimCLR):
        def batch_of(self, data):
            images, indices = data
            epoch = self.optimizer.iterations.value
            views = two_views(images, name, seed=0, epoch=epoch, indices=indices)
            return super().batch_of((views,))

    return Inside


def plain_batches(data, shape):
    """Endless batches of (images, indices), shuffled and gathered as `two_view_batches` does."""
    import tensorflow as tf

    from tl_keras.data.pipelines.batches import image_gatherer, index_batches

    gather = image_gatherer(data, shape[:2], 1 if data.is_grayscale else 3)
    batches = index_batches(len(data), BATCH, seed=0, shuffle=True, repeat=True)
    return batches.map(
        lambda epoch, indices: (gather(indices), indices), num_parallel_calls=tf.data.AUTOTUNE
    ).prefetch(tf.data.AUTOTUNE)


def fitting(model, batches):
    """A function that trains and returns the seconds of its steps."""
    return timed_steps(batches, model.make_train_function() or model.train_function)


def timed_steps(batches, step):
    # A new iterator each time: an old one would work ahead during the turns of the others.
    def run():
        iterator = iter(batches)
        step(iterator)
        started = time.perf_counter()
        for _ in range(STEPS):
            last = step(iterator)
        wait_for(last)
        return time.perf_counter() - started

    return run


def wait_for(result):
    """Waits until a step's tensors are there."""
    import keras

    keras.tree.map_structure(lambda tensor: tensor.numpy(), result)


def write_table(rows, rounds):
    lines = [
        f"`make benchmark-views`, {machine()}. SimCLR on `build_small_resnet`, {BATCH} images a "
        f"step, views made in `tf.data` and inside the step in turns, {STEPS} steps each, medians "
        f"of {rounds} rounds.",
        "",
        *table_head(
            *("preset", "images", "views in `tf.data`, views/s"),
            *("views inside the step, views/s", "time inside / `tf.data`, median of pairs"),
        ),
    ]
    for name, shape, outside, inside, ratio in rows:
        size = " x ".join(str(side) for side in shape)
        lines.append(f"| `{name}` | {size} | {outside:,.0f} | {inside:,.0f} | {ratio:.2f} |")
    replace_section("Two views", lines)
