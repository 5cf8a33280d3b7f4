"""Grad-CAM on drawn shapes: share of the images in which the peak of the heatmap is on the shape.

    python -m docs.benchmarks grad_cam --networks cnn,small_resnet --seeds 1

Each network learns the 108 classes of `draw_shapes` (shape, colour and texture) on images of one
seed. Heatmaps of the predicted class are made for images of another, and compared with the known
pixels of the shape. "Within half a cell" counts peaks that are no farther from it than half the
distance of two positions of the feature map. "Covered" is the share of the image that the shape
covers: that of peaks by chance.
"""

import time

import numpy as np

from docs.benchmarks.shared.page import table_head
from docs.benchmarks.shared.tasks import listed

SIDES = {"cnn": 32, "small_resnet": 48, "mobilenet_v2": 224}
PER_CLASS = {"cnn": 60, "small_resnet": 40, "mobilenet_v2": 8}
TESTED = 4  # images per class
COLUMNS = (
    *("network", "side", "positions", "seed", "accuracy", "peak on the shape"),
    *("within half a cell", "heat on the shape", "covered", "s of training"),
)


def add_options(options):
    options.add_argument("--networks", type=listed, default=",".join(SIDES))
    options.add_argument("--seeds", type=int, default=1)


def main(given):
    print("\n".join(table_head(*COLUMNS)), flush=True)
    for name in given.networks:
        for seed in range(given.seeds):
            print(f"| {' | '.join(measure(name, seed))} |", flush=True)


def trained(name, drawn, seed):
    """Returns a classifier of the images of a `DrawnShapes`."""
    import keras

    import tl_keras

    keras.utils.set_random_seed(seed)
    classes, side = int(drawn.labels.max()) + 1, drawn.images.shape[1]
    held = np.arange(len(drawn.labels)) % 10 == 0
    val, train = ((drawn.images[rows], drawn.labels[rows]) for rows in (held, ~held))
    if name == "mobilenet_v2":
        model = tl_keras.build_classifier(name, classes, image_size=side)
        tl_keras.fine_tune(model, train, val, seed=seed, epochs=3)
        return model
    model = tl_keras.CNN(classes, "small")
    if name == "small_resnet":
        model = tl_keras.build_classifier(tl_keras.build_small_resnet(side), classes)
    tl_keras.fit_from_scratch(model, train, val, seed=seed)
    return model


def measure(name, seed):
    """Returns a row of the table."""
    from scipy.ndimage import distance_transform_edt

    import tl_keras
    from tl_keras.evaluation.classifiers.grad_cam import GradCAM
    from tl_keras.evaluation.classifiers.prediction import predict_probabilities

    side = SIDES[name]
    started = time.monotonic()
    model = trained(name, tl_keras.draw_shapes(PER_CLASS[name], image_size=side, seed=seed), seed)
    seconds = time.monotonic() - started
    test = tl_keras.draw_shapes(TESTED, image_size=side, seed=seed + 1000)
    predicted = predict_probabilities(model, np.array_split(test.images, 20)).argmax(axis=1)
    explain = GradCAM(model)
    positions = explain.parts.above.input_shape[1]
    heat = explain(test.images, predicted)
    peaks = heat.reshape(len(heat), -1).argmax(axis=1)
    on = test.masks.reshape(len(heat), -1)[np.arange(len(heat)), peaks]
    away = np.stack([distance_transform_edt(~mask) for mask in test.masks])
    near = away.reshape(len(heat), -1)[np.arange(len(heat)), peaks] <= side / positions / 2
    inside = (heat * test.masks).sum() / heat.sum()
    right = (predicted == test.labels).mean()
    shares = [f"{each:.1%}" for each in (right, on.mean(), near.mean(), inside, test.masks.mean())]
    return [name, str(side), str(positions), str(seed), *shares, f"{seconds:.0f}"]
