"""CIFAR-10 for the benchmarks, from the archive in the folder that TL_KERAS_DATA names."""

import io
import tarfile

from docs.benchmarks.shared.data_folder import data_file

LABELS_PER_CLASS = 500
SIZE = 96  # pixels at which MobileNetV2 sees the images


def load_cifar():
    """Returns (labelled, rest, test): 500 training images per class, the others, the test set."""
    import numpy as np
    from PIL import Image

    from tl_keras import ImageDataset
    from tl_keras.data.splits import keep_per_class

    found = {"train": ([], []), "test": ([], [])}
    with tarfile.open(data_file("cifar10.tar.gz")) as archive:
        for member in archive:
            if member.isfile():
                _, split, name, _ = member.name.split("/")
                image = Image.open(io.BytesIO(archive.extractfile(member).read()))
                found[split][0].append(np.asarray(image.convert("RGB")))
                found[split][1].append(name)
    names = sorted(set(found["train"][1]))
    train, test = (
        ImageDataset.from_arrays(
            np.stack(images),
            np.array([names.index(name) for name in labels]),
            class_names=names,
            split=split,
            source="cifar10",
        )
        for split, (images, labels) in found.items()
    )
    labelled = keep_per_class(train, LABELS_PER_CLASS, 0)
    rest = train.subset(np.setdiff1d(train.rows, labelled.rows))
    return labelled, rest, test


def fine_tuned(weights, labelled, epochs):
    """MobileNetV2 on the labelled images; nothing is chosen on others."""
    import keras

    from tl_keras import build_classifier, fine_tune

    keras.utils.set_random_seed(0)
    model = build_classifier(
        "mobilenet_v2", 10, head="gap", dropout=0.5, image_size=SIZE, weights=weights
    )
    fine_tune(model, labelled, epochs=epochs, views=4, patience=None)
    return model


def accuracy(model, test):
    """Accuracy of a classifier on a dataset, in %."""
    from tl_keras.jobs.finished.evaluate import measure

    return 100 * measure(model, test, batch_size=128)[1]["accuracy"]
