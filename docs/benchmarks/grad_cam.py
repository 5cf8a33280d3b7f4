"""Where Grad-CAM points: share of drawn shapes on which the peak of the heatmap lies.

    python docs/benchmarks/grad_cam.py [--networks cnn,small_resnet,mobilenet_v2] [--seeds 1]

Each network learns the 108 classes of `draw_shapes` (shape, colour and texture) on images of one
seed. Heatmaps of the predicted class are made for images of another, and compared with the known
pixels of the shape. "Covered" is the share of the image that the shape covers: peaks by chance.
"""

import argparse
import os
import time

import numpy as np

SIDES = {"cnn": 32, "small_resnet": 48, "mobilenet_v2": 224}
PER_CLASS = {"cnn": 60, "small_resnet": 60, "mobilenet_v2": 8}
TESTED = 4  # images per class


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
    """Returns a row: network, side, accuracy, and the share of peaks on the shape."""
    import tl_keras
    from tl_keras.evaluation.classifiers.prediction import predict_probabilities

    side = SIDES[name]
    started = time.monotonic()
    model = trained(name, tl_keras.draw_shapes(PER_CLASS[name], image_size=side, seed=seed), seed)
    seconds = time.monotonic() - started
    test = tl_keras.draw_shapes(TESTED, image_size=side, seed=seed + 1000)
    predicted = predict_probabilities(model, np.array_split(test.images, 20)).argmax(axis=1)
    heat = tl_keras.grad_cam(model, test.images, predicted)
    peaks = heat.reshape(len(heat), -1).argmax(axis=1)
    on = test.masks.reshape(len(heat), -1)[np.arange(len(heat)), peaks]
    right = predicted == test.labels
    inside = (heat * test.masks).sum() / heat.sum()
    figures = (right.mean(), on.mean(), on[right].mean(), inside, test.masks.mean())
    return [
        name,
        str(side),
        str(seed),
        *(f"{each:.1%}" for each in figures),
        f"{seconds:.0f}",
    ], model


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--networks", default=",".join(SIDES))
    options.add_argument("--seeds", type=int, default=1)
    given = options.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    print(
        "| network | side | seed | accuracy | peak on the shape | if right | heat on the shape | "
        "covered | s of training |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for name in given.networks.split(","):
        for seed in range(given.seeds):
            row, _ = measure(name, seed)
            print(f"| {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
