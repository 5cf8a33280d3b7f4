"""Settings of each augmentation. This module loads no TensorFlow."""

from dataclasses import dataclass

from tl_keras.checks import check_choice
from tl_keras.data.dataset import ImageDataset

_SMALL_SIDE = 64


@dataclass(frozen=True)
class Augmentation:
    """Strength of each random change of a training image; the defaults change nothing.

    Attributes:
        horizontal_flip: whether half of the images are mirrored horizontally.
        min_area: smallest fraction of the area that a random crop keeps.
        max_aspect: bound of the crop's aspect ratio, which lies in [1 / max_aspect, max_aspect].
        rotation: largest angle in degrees, in either direction.
        shift: largest shift as a fraction of the side, in either direction, in whole pixels.
        zoom: largest relative change of scale, in either direction.
        brightness, contrast, saturation: largest relative change, in either direction. Contrast is
            about mid-grey.
        shear: largest horizontal shift per vertical pixel, in either direction.
        hue: largest rotation of the colour circle, in either direction; 1 is the whole circle.
        jitter: fraction of the images whose brightness, contrast, saturation and hue are changed.
        grayscale: fraction of the images that are converted to grey.
        cutout: largest side of the hidden square, as a fraction of the shorter side.
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


@dataclass(frozen=True)
class SoundAugmentation:
    """Strength of each random change of a spectrogram; the defaults change nothing.

    Images are neither mirrored nor rotated: a sound that is played backwards is another one.

    Attributes:
        warp: largest natural logarithm of the factor on frequencies, in either direction. It is the
            length of the vocal tract, which differs between speakers.
        rise: largest shift of all frequencies, as a fraction of the height.
        stretch: largest natural logarithm of the factor on time.
        shift: largest shift in time, as a fraction of the width.
        tilt, bow: largest brightening of high frequencies, and of those in the middle, 0-255. They
            are the microphone and the room.
        contrast: largest relative change of the range.
        level: largest change of brightness, 0-255.
        floor: highest level of the noise that covers darker pixels, 0-255.
        masks: number of frequency masks and of time masks, which hide with silence.
        frequency_mask, time_mask: largest width of a mask, as a fraction of the side.

    Reference:
        Masks: Park et al. 2019, "SpecAugment", arXiv 1904.08779. Warp: Jaitly and Hinton 2013,
        "Vocal tract length perturbation improves speech recognition".
    """

    warp: float = 0.0
    rise: float = 0.0
    stretch: float = 0.0
    shift: float = 0.0
    tilt: float = 0.0
    bow: float = 0.0
    contrast: float = 0.0
    level: float = 0.0
    floor: float = 0.0
    masks: int = 0
    frequency_mask: float = 0.0
    time_mask: float = 0.0

    horizontal_flip = False


_STRONG = {"horizontal_flip": True, "rotation": 20.0, "shear": 0.2, "cutout": 0.5}
_STRONG |= {"brightness": 0.5, "contrast": 0.5, "saturation": 0.8}
_COLOUR_VIEWS = {"horizontal_flip": True, "max_aspect": 4 / 3, "jitter": 0.8, "grayscale": 0.2}
_SPEECH = {"warp": 0.25, "rise": 0.03, "stretch": 0.3, "shift": 0.1, "contrast": 0.2}
_SPEECH |= {"tilt": 30.0, "bow": 15.0, "level": 15.0, "floor": 40.0}
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
    # Strong views of FixMatch: their class is just recognisable.
    "digits-strong": Augmentation(rotation=30.0, shift=0.12, zoom=0.25, shear=0.3, cutout=0.5),
    "cifar-strong": Augmentation(shift=0.2, zoom=0.2, **_STRONG),
    "photos-strong": Augmentation(min_area=0.25, max_aspect=1.33, **_STRONG),
    "audio": SoundAugmentation(**_SPEECH, masks=3, frequency_mask=0.3, time_mask=0.3),
    "audio-strong": SoundAugmentation(**_SPEECH, masks=4, frequency_mask=0.4, time_mask=0.4),
}
AUGMENTATIONS = tuple(PRESETS)
# Two views of an image, which a network learns to identify: changes far beyond those that help a
# classifier. Crops matter most. Without changes of colour, its histogram would identify an image.
# Digits keep to the small changes of the first preset, which leave their class as it is.
VIEWS = {
    "digits": Augmentation(
        min_area=0.6, max_aspect=1.3, rotation=15.0, shift=0.1, zoom=0.2, shear=0.3
    ),
    "cifar": Augmentation(
        min_area=0.2, brightness=0.4, contrast=0.4, saturation=0.4, hue=0.1, **_COLOUR_VIEWS
    ),
    "photos": Augmentation(
        min_area=0.1, brightness=0.6, contrast=0.6, saturation=0.6, hue=0.15, **_COLOUR_VIEWS
    ),
    "audio": PRESETS["audio-strong"],
}


def resolve_augment(augment: str, dataset: ImageDataset) -> str:
    """Returns the name of a preset; "auto" depends on the images.

    Args:
        augment: one of `AUGMENTATIONS`, or "auto". "auto" is "audio" for sounds. It is
            "digits" for grey images, which are often letters or digits and so are never mirrored.
            It is "cifar" for arrays of colour images of at most 64 pixels per side, and "photos"
            otherwise.
        dataset: `ImageDataset`.

    Raises:
        InputError: there is no such name.
    """
    if check_choice("augment", augment, ("auto", *AUGMENTATIONS)) != "auto":
        return augment
    if dataset.sounds:
        return "audio"
    size = None if dataset.is_files else dataset.images.shape[1:3]
    return auto_preset(dataset.is_grayscale, size)


def auto_preset(is_grayscale: bool, image_size: tuple[int, int]) -> str:
    """Returns the name of the preset for grey images, or for colour images of a size.

    Args:
        is_grayscale: whether the images have no colour.
        image_size: (height, width); None for photographs of any size.
    """
    if is_grayscale:
        return "digits"
    small = image_size is not None and max(image_size) <= _SMALL_SIDE
    return "cifar" if small else "photos"


def mirrors(augment: str, dataset: ImageDataset) -> bool:
    """Returns whether an augmentation, named as for `resolve_augment`, mirrors images."""
    return PRESETS[resolve_augment(augment, dataset)].horizontal_flip


def resolve_strong(strong: str, weak: str, dataset: ImageDataset) -> str:
    """Returns the name of a preset that augments more strongly than the preset `weak`.

    Args:
        strong: one of `AUGMENTATIONS`, or "auto": the preset `weak` + "-strong" if there is one,
            else the strong preset that suits the images.
        weak: one of `AUGMENTATIONS`.
        dataset: `ImageDataset`.

    Raises:
        InputError: there is no such name.
    """
    if check_choice("strong_augment", strong, ("auto", *AUGMENTATIONS)) != "auto":
        return strong
    own = resolve_augment("auto", dataset)
    return next(name for name in (f"{weak}-strong", f"{own}-strong") if name in PRESETS)
