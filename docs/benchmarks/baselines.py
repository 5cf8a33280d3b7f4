"""Times the nets from scratch against the same layers in plain Keras, side by side in one run.

Plain: a `keras.Sequential` with Keras's defaults and `model.fit` on float arrays scaled before.
Ours: `fit_from_scratch` on uint8 images. The two take turns, epoch by epoch, because the speed
of a machine drifts; medians are compared. Writes its section of docs/benchmarks.md.

    python docs/benchmarks/baselines.py [--rounds 9]
"""

import argparse
import math
import os
import statistics
import time

from tables import machine, replace_section

BATCH, SIDE, CLASSES = 128, 28, 10
MATMUL = 1024


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=9)
    rounds = options.parse_args().rounds
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    rows = [compare(*net, rounds) for net in nets()]
    write_table(rows, rounds)


def nets():
    """(name, builder of our net, steps of a round) for each comparison."""
    from tl_keras import CNN, MLP, RNN

    yield "MLP 784-512-512-10, dropout 0.2", lambda: MLP(CLASSES, (512, 512), 0.2), 100
    yield "CNN `lenet`", lambda: CNN(CLASSES), 60
    yield "CNN `small`", lambda: CNN(CLASSES, "small"), 20
    yield "LSTM 128 over rows", lambda: RNN(CLASSES), 30


def compare(name, build, steps, rounds):
    """Returns (name, steps/s plain, steps/s ours, times faster, share of the matmul rate)."""
    import keras
    import numpy as np

    from tl_keras import fit_from_scratch

    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (steps * BATCH, SIDE, SIDE), dtype=np.uint8)
    y = rng.integers(0, CLASSES, len(x))
    model = build()
    model.build((None, SIDE, SIDE))
    plain = plain_keras(model)
    scaled = (x / 255.0).astype("float32").reshape(-1, *plain.input_shape[1:])
    seconds = {"plain": [], "ours": [], "matmul": []}

    def take_turns(epoch, logs=None):
        seconds["matmul"].append(matmul_seconds())
        seconds["plain"].append(
            timed(lambda: plain.fit(scaled, y, batch_size=BATCH, epochs=1, verbose=0))
        )
        seconds["ours"].append(-time.perf_counter())

    def stop(epoch, logs=None):
        seconds["ours"][-1] += time.perf_counter()

    turns = keras.callbacks.LambdaCallback(on_epoch_begin=take_turns, on_epoch_end=stop)
    settings = {"epochs": rounds + 1, "batch_size": BATCH, "augment": "none"}
    fit_from_scratch(model, (x, y), callbacks=[turns], schedule="constant", **settings)
    # The first round traces.
    plain_s, ours_s, matmul_s = (statistics.median(s[1:]) for s in seconds.values())
    ratio = statistics.median(
        p / o for p, o in zip(seconds["plain"][1:], seconds["ours"][1:], strict=True)
    )
    matmul_rate = 2 * MATMUL**3 / matmul_s
    share = training_flops(model) * BATCH * steps / ours_s / matmul_rate
    return name, steps / plain_s, steps / ours_s, ratio, share, matmul_rate


def timed(run):
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


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


def matmul_seconds():
    """Seconds of one float32 product of square matrices, the best of three."""
    import tensorflow as tf

    a = tf.random.normal((MATMUL, MATMUL))
    return min(timed(lambda: tf.matmul(a, a).numpy()) for _ in range(3))


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
        "| network | plain `model.fit`, steps/s | `fit_from_scratch`, steps/s "
        "| times faster, median of pairs | share of the matmul rate |",
        "|---|---|---|---|---|",
    ]
    for name, plain, ours, ratio, share, _ in rows:
        lines.append(f"| {name} | {plain:.0f} | {ours:.0f} | {ratio:.2f} | {share:.0%} |")
    replace_section("Baselines from scratch", lines)


if __name__ == "__main__":
    main()
