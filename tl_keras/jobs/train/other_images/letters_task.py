"""Drawn letters as the source task where ImageNet weights are not to be had."""

import time

import keras

from tl_keras.data.dataset import ImageDataset, Splits
from tl_keras.data.sources.letters import LETTERS, SMALLEST_LETTERS
from tl_keras.data.sources.named import load_letters
from tl_keras.data.splits import few_to_learn_from
from tl_keras.jobs.runs.measuring import measure
from tl_keras.jobs.train.scratch import FROM_SCRATCH, random_classifier
from tl_keras.models.backbones.applications import APPLICATIONS
from tl_keras.progress import say
from tl_keras.settings.train import TrainSettings
from tl_keras.training.fine_tuning.fine_tune import fine_tune
from tl_keras.training.frozen.freezing import batch_norms

# The bundled source task, for want of ImageNet weights: drawn letters, learned in a small size.
# Each is seen once: of letters held out VGG16 names 98.5 % after 10,200, and 95.1 % after
# three epochs of 3,400, at the same cost.
SOURCE_PER_CLASS, SOURCE_HELD_OUT = 300, 10  # letters of a class that train, and that measure
SOURCE_SIDE = 28  # pixels in which they are drawn, if the data have no smaller size of their own
SOURCE_INPUT = 64  # largest side of the network that learns them
SOURCE_TRAINING = {"epochs": 1, "batch_size": 32, "augment": "none"}
# Highest learning rate, with and without batch normalisation.
SOURCE_LR_NORMALISED, SOURCE_LR = 1e-3, 2e-4
DEMONSTRATION = "digits"  # after the source task they get few labels; all other digits test it
FEW_LABELS, FEW_TO_VALIDATE = 5, 5  # of each class
LETTERS_NOTE = f"{SOURCE_PER_CLASS * len(LETTERS):,} drawn letters"


def learn_letters(
    config: TrainSettings, train: ImageDataset, size: int
) -> tuple[keras.Model, dict]:
    """Trains the base of `config` on drawn letters, with settings that are the same for all data.

    Args:
        train: `ImageDataset` of the target task; letters are drawn as small as its images.
        size: side in pixels in which the target's images are seen.

    Returns:
        (classifier, the origin of its weights for metrics.json and the page)
    """
    started = time.monotonic()
    side = SOURCE_SIDE if train.is_files else min(SOURCE_SIDE, *train.images.shape[1:3])
    drawn = {"image_size": max(side, SMALLEST_LETTERS), "seed": config.seed}
    letters = load_letters(SOURCE_PER_CLASS, split="train", **drawn)
    drawn["seed"] += 1
    held_out = load_letters(SOURCE_HELD_OUT, split="test", **drawn)
    size = min(size, max(SOURCE_INPUT, APPLICATIONS[config.backbone].minimum_size))
    model = random_classifier(config, len(LETTERS), size)
    rate = SOURCE_LR_NORMALISED if batch_norms(model) else SOURCE_LR
    fine_tune(model, letters, lr=rate, seed=config.seed, **(FROM_SCRATCH | SOURCE_TRAINING))
    accuracy, seconds = measure(model, held_out)[1]["accuracy"], time.monotonic() - started
    note = (
        f"No ImageNet weights were to be had. {config.backbone} was pretrained here on "
        f"{LETTERS_NOTE} ({accuracy:.1%} on letters held out, {seconds:.0f} s), then transferred "
        f"to {config.data}."
    )
    say(note)
    return model, {
        "kind": "source task",
        "note": note,
        "source_test_accuracy": accuracy,
        "source_seconds": seconds,
    }


def demonstration(config: TrainSettings, splits: Splits) -> Splits:
    """Returns the data; for the digits, few training images and all others in the test split."""
    if config.data != DEMONSTRATION or config.labels_per_class is not None:
        return splits
    say(f"The target task is {config.data} with {FEW_LABELS} labels a class.")
    return few_to_learn_from(splits, FEW_LABELS, FEW_TO_VALIDATE, config.seed)
