"""Times fine-tuning with the feature cache against plain `model.fit`, side by side in one run.

Both train the same layers of the same MobileNetV2 at 224 pixels from the same start, on images
held in memory, for 10 epochs at batch 32 with validation. Random weights and images: the speed
does not depend on what they show. With TL_KERAS_DATA the head also trains on 398 photographs of
full size in files, which plain Keras reads in each epoch. Writes its section of docs/benchmarks.md.

    python -m docs.benchmarks transfer --images 800 --skip-memory
"""

import argparse
import os
from pathlib import Path

from docs.benchmarks.shared.data_folder import unpacked
from docs.benchmarks.shared.page import machine, replace_section, table_head
from docs.benchmarks.shared.processes import output_of
from docs.benchmarks.shared.timing import timed

EPOCHS, BATCH, SIZE = 10, 32, 224
MEMORY_COUNTS = (1000, 4000)
PHOTOGRAPHS = {"train": 245, "val": 153}


def add_options(options):
    options.add_argument("--images", type=int, default=800)
    options.add_argument("--skip-memory", action="store_true")
    options.add_argument("--out", type=Path, default=Path("runs/transfer"), help="photographs")
    options.add_argument("--memory-child", type=int, help=argparse.SUPPRESS)


def main(given):
    if given.memory_child:
        print(f"peak {peak_megabytes(given.memory_child):.0f}")
        return
    rows = [
        compare("head only, base frozen", "none", given.images),
        compare("last two blocks", "from:block_15_expand", given.images),
    ]
    if "TL_KERAS_DATA" in os.environ:
        rows.append(compare_photographs(unpacked("cats_vs_dogs", given.out) / "train"))
    memory = None if given.skip_memory else [measured_in_child(n) for n in MEMORY_COUNTS]
    write_table(rows, memory, given.images)


def compare(name, unfreeze, size):
    """Returns (name, seconds plain, seconds ours, largest difference of the weights)."""
    import numpy as np

    rng = np.random.default_rng(0)
    train, val = [
        (rng.integers(0, 256, (n, SIZE, SIZE, 3), dtype=np.uint8), np.arange(n) % 2)
        for n in (size, size // 4)
    ]
    ours = timed_training(tune, train, val, unfreeze, "memory")
    plain = timed_training(plain_keras, train, val, unfreeze)
    print(f"{name}: plain {plain:.1f} s, ours {ours:.1f} s", flush=True)
    return name, plain, ours, largest_difference(train, val, unfreeze)


def compare_photographs(folder):
    """`compare` of the head on photographs in files, without the weights' difference."""
    import tempfile

    with tempfile.TemporaryDirectory() as place:
        link_photographs(folder, Path(place))
        ours = timed_training(tune_files, place)
        plain = timed_training(plain_files, place)
    name = f"head only, {sum(PHOTOGRAPHS.values())} photographs in files"
    print(f"{name}: plain {plain:.1f} s, ours {ours:.1f} s", flush=True)
    return name, plain, ours, None


def link_photographs(folder, place):
    """Links `PHOTOGRAPHS` of each split, as many of each class, into PLACE/SPLIT/CLASS."""
    classes = [sorted(path.iterdir()) for path in sorted(folder.iterdir())]
    files = [path for together in zip(*classes, strict=False) for path in together]
    for split, number in PHOTOGRAPHS.items():
        for path in files[:number]:
            link = place / split / path.parent.name / path.name
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(path.resolve())
        files = files[number:]


def tune_files(model, place):
    from tl_keras import load_dataset

    splits = load_dataset(place)
    tune(model, splits.train, splits.val, "none", "memory")


def plain_files(model, place):
    import keras

    train, val = [
        keras.utils.image_dataset_from_directory(
            Path(place) / split, image_size=(SIZE, SIZE), batch_size=BATCH
        ).prefetch(2)
        for split in PHOTOGRAPHS
    ]
    compiled(model, "none").fit(train, epochs=EPOCHS, validation_data=val, verbose=2)


def largest_difference(train, val, unfreeze, size=96, epochs=3):
    """The largest difference of a weight between a cached and an uncached run."""
    import numpy as np

    few = [(images[:size], labels[:size]) for images, labels in (train, val)]
    weights = []
    for cache in ("memory", "none"):
        model = classifier()
        tune(model, *few, unfreeze, cache, epochs)
        weights.append(model.get_weights())
    return max(float(np.abs(a - b).max()) for a, b in zip(*weights, strict=True))


def classifier():
    import keras

    from tl_keras import build_classifier

    keras.utils.set_random_seed(0)
    return build_classifier(
        "mobilenet_v2", 2, head="gap", dropout=0.5, image_size=SIZE, weights="random"
    )


def timed_training(train, *arguments):
    model = classifier()
    return timed(lambda: train(model, *arguments))


def tune(model, train, val, unfreeze, cache, epochs=EPOCHS):
    from tl_keras import fine_tune

    head_only = unfreeze == "none"
    fine_tune(
        model,
        train,
        val,
        freeze_epochs=epochs if head_only else 0,
        epochs=epochs,
        unfreeze=unfreeze,
        augment="none",
        cache=cache,
        patience=None,
        batch_size=BATCH,
        label_smoothing=0.0,
        mixup=0.0,
        weight_decay=0.0,
    )


def plain_keras(model, train, val, unfreeze):
    compiled(model, unfreeze).fit(
        *train, batch_size=BATCH, epochs=EPOCHS, validation_data=val, verbose=2
    )


def compiled(model, unfreeze):
    from tl_keras.training.frozen.freezing import apply_unfreeze

    apply_unfreeze(model, unfreeze)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def measured_in_child(count):
    return count, float(output_of("transfer", "--memory-child", count).rsplit("peak ", 1)[1])


def peak_megabytes(count):
    """Peak memory of fine-tuning on `count` image files with the disk cache."""
    import resource
    import tempfile

    import numpy as np
    from PIL import Image

    from tl_keras import load_dataset

    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        for number in range(count):
            path = Path(folder) / "ab"[number % 2] / f"{number}.jpg"
            path.parent.mkdir(exist_ok=True)
            coarse = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
            Image.fromarray(coarse).resize((SIZE, SIZE)).save(path)
        splits = load_dataset(folder)
        tune(classifier(), splits.train, splits.val, "from:block_15_expand", "disk", epochs=1)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def write_table(rows, memory, size):
    lines = [
        f"`make benchmark-transfer`, {machine()}. MobileNetV2 at {SIZE} pixels, {size} images "
        f"to train on and {size // 4} to validate, {EPOCHS} epochs, batch {BATCH}; plain Keras and "
        "ours one after the other in one process.",
        "",
        *table_head(
            *("what trains", "plain `model.fit`", "`fine_tune`", "times faster"),
            "weights differ by",
        ),
    ]
    for name, plain, ours, difference in rows:
        differ = "" if difference is None else f"{difference:.1e}"
        lines.append(f"| {name} | {plain:.1f} s | {ours:.1f} s | {plain / ours:.1f} | {differ} |")
    if memory:
        (few, low), (many, high) = memory
        lines += [
            "",
            f"Peak memory with the disk cache, last two blocks: {few} image files {low:.0f} MB, "
            f"{many} files {high:.0f} MB ({high / low:.2f} times).",
        ]
    replace_section("Transfer learning", lines)
