"""What each augmentation does, as numbers. Loads no TensorFlow."""

from dataclasses import dataclass

from tl_keras.checks import check_choice

_SMALL_SIDE = 64


@dataclass(frozen=True)
class Augmentation:
    """How far a training image may be changed; the defaults change nothing.

    Attributes:
        horizontal_flip: whether half of the images are mirrored.
        min_area: smallest part of the image that a random crop keeps, of 1.
        max_aspect: the crop's aspect ratio lies in [1 / max_aspect, max_aspect].
        rotation: largest angle in degrees, either way.
        shift: largest shift as a part of the side, either way, in whole pixels.
        zoom: largest change of scale, either way, of 1.
        brightness, contrast, saturation: largest change of the factor, either way, of 1.
            Contrast is about mid-grey.
        shear: largest lean, either way, in pixels sideways for each pixel upwards.
        hue: largest turn of the colour circle, either way, of 1 for the whole circle.
        jitter: part of the images whose brightness, contrast, saturation and hue are changed.
        grayscale: part of the images that lose their colours.
        cutout: largest side of a square that is hidden, as a part of the image's shorter side.
    """

    horizontal_flip: bool = False
    min_area: float = 1.0
    max_aspect: float = 1.0
    rotation: float = 0.0
    shift: float = 0.0
    zoom: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    shear: float = 0.0
    hue: float = 0.0
    jitter: float = 1.0
    grayscale: float = 0.0
    cutout: float = 0.0


PRESETS = {
    "none": Augmentation(),
    "flip": Augmentation(horizontal_flip=True),
    "photos": Augmentation(
        horizontal_flip=True,
        min_area=0.35,
        max_aspect=1.22,
        brightness=0.2,
        contrast=0.2,
        saturation=0.2,
    ),
    "digits": Augmentation(rotation=12.0, shift=0.08, zoom=0.1),
    "cifar": Augmentation(horizontal_flip=True, shift=4 / 32),
    # What must still be told what it is, but only just: the strong views of FixMatch.
    "digits-strong": Augmentation(rotation=30.0, shift=0.12, zoom=0.25, shear=0.3, cutout=0.5),
    "cifar-strong": Augmentation(
        horizontal_flip=True,
        rotation=20.0,
        shift=0.2,
        zoom=0.2,
        brightness=0.5,
        contrast=0.5,
        saturation=0.8,
        shear=0.2,
        cutout=0.5,
    ),
    "photos-strong": Augmentation(
        horizontal_flip=True,
        min_area=0.25,
        max_aspect=1.33,
        rotation=20.0,
        brightness=0.5,
        contrast=0.5,
        saturation=0.8,
        shear=0.2,
        cutout=0.5,
    ),
}
AUGMENTATIONS = tuple(PRESETS)
# What makes two views of an image, which a network learns to recognise as one: changes far beyond
# those that help a classifier. Crops do most; without changes of colour its histogram would give
# an image away. What leaves a digit as it is stays within the first preset's small changes.
VIEWS = {
    "digits": Augmentation(
        min_area=0.6, max_aspect=1.3, rotation=15.0, shift=0.1, zoom=0.2, shear=0.3
    ),
    "cifar": Augmentation(
        horizontal_flip=True,
        min_area=0.2,
        max_aspect=4 / 3,
        brightness=0.4,
        contrast=0.4,
        saturation=0.4,
        hue=0.1,
        jitter=0.8,
        grayscale=0.2,
    ),
    "photos": Augmentation(
        horizontal_flip=True,
        min_area=0.1,
        max_aspect=4 / 3,
        brightness=0.6,
        contrast=0.6,
        saturation=0.6,
        hue=0.15,
        jitter=0.8,
        grayscale=0.2,
    ),
}


def resolve_augment(augment, dataset):
    """Returns the name of a preset; "auto" is decided by the images.

    Args:
        augment: one of `AUGMENTATIONS`, or "auto": "digits" for grey images (which are often
            letters or digits, so never mirrored), "cifar" for arrays of colour images of at
            most 64 pixels a side, else "photos".
        dataset: `ImageDataset`.

    Raises:
        InputError: there is no such name.
    """
    if check_choice("augment", augment, ("auto", *AUGMENTATIONS)) != "auto":
        return augment
    size = None if dataset.is_files else dataset.images.shape[1:3]
    return auto_preset(dataset.is_grayscale, size)


def auto_preset(is_grayscale, image_size):
    """Returns the name of the preset for grey images, or for images of a size.

    Args:
        is_grayscale: whether they have no colour.
        image_size: (height, width); None for photographs of any size.
    """
    if is_grayscale:
        return "digits"
    small = image_size is not None and max(image_size) <= _SMALL_SIDE
    return "cifar" if small else "photos"


def mirrors(augment, dataset):
    """Whether an augmentation, named as for `resolve_augment`, shows images mirrored too."""
    return PRESETS[resolve_augment(augment, dataset)].horizontal_flip


def resolve_strong(strong, weak, dataset):
    """Returns the name of a preset for views that are changed more than by the preset `weak`.

    Args:
        strong: one of `AUGMENTATIONS`, or "auto": the one named as `weak` with "-strong" after
            it, or as what the images would have by themselves.
        weak: one of `AUGMENTATIONS`.
        dataset: `ImageDataset`.

    Raises:
        InputError: there is no such name.
    """
    if check_choice("strong_augment", strong, ("auto", *AUGMENTATIONS)) != "auto":
        return strong
    own = resolve_augment("auto", dataset)
    return next(name for name in (f"{weak}-strong", f"{own}-strong") if name in PRESETS)
