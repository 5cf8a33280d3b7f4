"""Times networks from scratch against the same layers in plain Keras, side by side in one run.

Plain: a `keras.Sequential` with Keras's defaults and `model.fit` on float arrays scaled before.
Ours: `fit_from_scratch` on uint8 images. The two take turns, epoch by epoch, because the speed
of a machine drifts; medians are compared. Writes its section of docs/benchmarks.md.

    python -m docs.benchmarks baselines --rounds 9
"""

import math
import statistics

from docs.benchmarks.shared.page import machine, replace_section, table_head
from docs.benchmarks.shared.timing import MATMUL, MATMUL_FLOPS, epochs_in_turns, median_ratio

BATCH, SIDE, CLASSES = 128, 28, 10


def add_options(options):
    options.add_argument("--rounds", type=int, default=9)


def main(given):
    write_table([compare(*network, given.rounds) for network in networks()], given.rounds)


def networks():
    """(name, builder of our network, steps of a round) for each comparison."""
    from tl_keras import CNN, MLP, RNN

    yield "MLP 784-512-512-10, dropout 0.2", lambda: MLP(CLASSES, (512, 512), 0.2), 100
    yield "CNN `lenet`", lambda: CNN(CLASSES), 60
    yield "CNN `small`", lambda: CNN(CLASSES, "small"), 20
    yield "LSTM 128 over rows", lambda: RNN(CLASSES), 30


def compare(name, build, steps, rounds):
    """Returns (name, steps/s plain, steps/s ours, times faster, share of the matmul rate)."""
    import numpy as np

    from tl_keras import fit_from_scratch

    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (steps * BATCH, SIDE, SIDE), dtype=np.uint8)
    y = rng.integers(0, CLASSES, len(x))
    model = build()
    model.build((None, SIDE, SIDE))
    plain = plain_keras(model)
    scaled = (x / 255.0).astype("float32").reshape(-1, *plain.input_shape[1:])
    ways = {"plain": lambda: plain.fit(scaled, y, batch_size=BATCH, epochs=1, verbose=0)}
    settings = {"epochs": rounds + 1, "batch_size": BATCH, "augment": "none"}
    settings |= {"schedule": "constant"}
    seconds = epochs_in_turns(
        ways, lambda turns: fit_from_scratch(model, (x, y), callbacks=turns, **settings)
    )
    matmul_s, plain_s, ours_s = map(statistics.median, seconds.values())
    ratio = median_ratio(seconds["plain"], seconds["ours"])
    matmul_rate = MATMUL_FLOPS / matmul_s
    share = training_flops(model) * BATCH * steps / ours_s / matmul_rate
    return name, steps / plain_s, steps / ours_s, ratio, share, matmul_rate


def plain_keras(model):
    """Plain Keras model with these layers, compiled with Keras's defaults."""
    import keras

    def plain_layer(layer):
        if isinstance(layer, keras.layers.Dropout):
            return keras.layers.Dropout(layer.rate)
        return type(layer).from_config(layer.get_config())

    shape = model._body_shape(model.input_shape)[1:]
    layers = [plain_layer(layer) for layer in (*model.body, model.predictions)]
    plain = keras.Sequential([keras.Input(shape), *layers])
    plain.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return plain


def training_flops(model):
    """FLOPs of one image's products in training: forward, gradient of weights and of inputs.

    The gradient of the first layer's input is not computed.
    """
    forward = []
    shape = model._body_shape(model.input_shape)
    for layer in (*model.body, model.predictions):
        output = layer.compute_output_shape(shape)
        forward.append(2 * weights_in_products(layer) * positions(layer, shape, output))
        shape = output
    first = next(flops for flops in forward if flops)
    return 3 * sum(forward) - first


def weights_in_products(layer):
    return sum(math.prod(weight.shape) for weight in layer.weights if len(weight.shape) > 1)


def positions(layer, shape, output):
    """Returns the number of positions of one image at which a layer applies its weights."""
    import keras

    if isinstance(layer, keras.layers.RNN):
        return shape[1]
    return output[1] * output[2] if isinstance(layer, keras.layers.Conv2D) else 1


def write_table(rows, rounds):
    rate = statistics.median(row[-1] for row in rows)
    lines = [
        f"`make benchmark-baselines`, {machine()}. MNIST's shape, batch {BATCH}, Adam; plain Keras "
        f"and `fit_from_scratch` in turns, medians of {rounds} rounds; a float32 product of "
        f"{MATMUL} x {MATMUL} matrices in between ran at {rate / 1e9:.0f} GFLOP/s.",
        "",
        *table_head(
            *("network", "plain `model.fit`, steps/s", "`fit_from_scratch`, steps/s"),
            *("times faster, median of pairs", "share of the matmul rate"),
        ),
    ]
    for name, plain, ours, ratio, share, _ in rows:
        lines.append(f"| {name} | {plain:.0f} | {ours:.0f} | {ratio:.2f} | {share:.0%} |")
    replace_section("Baselines from scratch", lines)
