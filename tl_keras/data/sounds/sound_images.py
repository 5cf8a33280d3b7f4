"""A sound in the place of an image file: the decoder of images sees its spectrogram."""

import collections
import io
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, BinaryIO

import numpy as np

from tl_keras.data.images import StoredImage
from tl_keras.data.sounds.spectrogram import clipped, spectrogram
from tl_keras.data.sounds.waves import SoundReadError, read_wave, sample_rate, wave_bytes
from tl_keras.settings.image_source import CLIP_SECONDS, KindSettings

LISTENED = 5  # seconds, so that a page stays small
LOWEST_RATE = 2_000  # samples per second, as of the option
HIGHEST_RATE = 16_000  # samples per second, above which few sounds differ


@dataclass(frozen=True)
class Sounds:
    """Settings of the spectrograms of a data set.

    Attributes:
        seconds: length of each image; a longer sound is cut to its loudest part.
        sample_rate: samples per second to which all are converted; None until the data decide it.
    """

    seconds: float = CLIP_SECONDS
    sample_rate: int | None = None

    @classmethod
    def asked(cls, settings: KindSettings) -> "Sounds | None":
        """Returns the settings that the options of a command ask for; None for images."""
        if settings.kind != "audio":
            return None
        return cls(settings.clip_seconds or CLIP_SECONDS, settings.sample_rate)

    @classmethod
    def recorded(cls, config: dict) -> "Sounds | None":
        """Returns the settings in the config.json of a run; None if it was trained on images."""
        if config.get("kind") != "audio":
            return None
        return cls(config["clip_seconds"], config["sample_rate"])

    def of_files(self, files: Sequence[str]) -> "Sounds":
        """Returns the settings with the commonest rate of some files, from 2,000 to 16,000."""
        if self.sample_rate is not None:
            return self
        rates = collections.Counter(filter(None, map(_rate_of, files)))
        common = max(rates.items(), key=lambda item: (item[1], item[0]))[0] if rates else 0
        rate = max(LOWEST_RATE, min(common or HIGHEST_RATE, HIGHEST_RATE))
        return replace(self, sample_rate=rate)


def resolved(config: Any, sounds: Sounds | None) -> Any:
    """Returns the settings of a command with those of the spectrograms, which the data decided."""
    if sounds is None:
        return config
    return replace(config, clip_seconds=sounds.seconds, sample_rate=sounds.sample_rate)


class SoundImage(StoredImage):
    """Name of a WAV file, in place of the path of an image: its image is the spectrogram.

    Attributes:
        sounds: `Sounds` with a sample rate.
    """

    sounds: Sounds
    _open: Callable[[], str | BinaryIO]

    def __new__(
        cls, path: str, sounds: Sounds, content: Callable[[], bytes] | None = None
    ) -> "SoundImage":
        """Makes a sound of a file, or of the bytes that the function `content` returns."""
        image: SoundImage = super().__new__(cls, path, None)  # type: ignore[assignment]
        image.read = image._encoded
        image.sounds = sounds
        image._open = (lambda: os.fspath(path)) if content is None else lambda: _stream(content)
        return image

    def samples(self) -> np.ndarray:
        """Returns the part of the sound that the image shows, float32 (n,) from -1 to 1.

        Raises:
            SoundReadError: the file cannot be read, or is silent.
        """
        rate, samples = read_wave(self._open(), str(self))
        try:
            return clipped(samples, rate, self.sounds.sample_rate, self.sounds.seconds)
        except ValueError as error:
            raise SoundReadError(self, str(error)) from error

    def wave(self) -> bytes:
        """Returns that part, at most 5 seconds of it, as a WAV file of 16 bits to listen to."""
        rate = self.sounds.sample_rate
        return wave_bytes(self.samples()[: LISTENED * rate], rate)

    def _encoded(self):
        """Returns the spectrogram as a PNG file, which the decoder of images reads."""
        from PIL import Image

        image = spectrogram(self.samples(), self.sounds.sample_rate, self.sounds.seconds)
        stream = io.BytesIO()
        Image.fromarray(image).save(stream, "PNG", compress_level=0)
        return stream.getvalue()


def as_sounds(parts: dict, sounds: Sounds | None) -> dict:
    """Returns datasets of WAV files as datasets of sounds with one sample rate.

    Args:
        parts: {split: `ImageDataset` of paths}.
        sounds: `Sounds`; None returns `parts`.
    """
    if sounds is None:
        return parts
    settings = sounds.of_files([path for part in parts.values() for path in part.images])
    return {split: _with_sounds(part, settings) for split, part in parts.items()}


def _with_sounds(part, sounds):
    if sounds_of(part.images):
        return part
    return replace(part, images=tuple(SoundImage(path, sounds) for path in part.images))


def sounds_of(images: Any) -> Sounds | None:
    """Returns the settings of the spectrograms among `images`; None if they are no sounds."""
    if hasattr(images, "shape") or not len(images):
        return None
    return getattr(images[0], "sounds", None)


def _stream(content):
    return io.BytesIO(content())


def _rate_of(file):
    return sample_rate(file._open() if isinstance(file, SoundImage) else file)
