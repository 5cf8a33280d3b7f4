"""Synthetic tones whose class is the contour of their pitch: no download, no recording."""

import functools

import numpy as np

from tl_keras.checks import check_number
from tl_keras.data.sounds.waves import wave_bytes

RATE = 8_000  # samples per second
PER_CLASS = 60
_SHORTEST, _LENGTHS = 0.4, 0.4  # seconds, and their spread
_LOWEST, _OCTAVES = 250.0, 1.6  # Hz, and the spread of the middle of a contour
_HEIGHT = (0.4, 0.8)  # octaves between the middle and the ends
_TIMBRE = 3  # harmonics
# Octaves above the middle, by the time from -1 to 1.
CONTOURS = {
    "falling": lambda t: -t,
    "flat": lambda t: 0 * t,
    "peak": lambda t: 1 - 2 * np.abs(t),
    "rising": lambda t: t,
    "step_down": lambda t: np.where(t < 0, 1.0, -1.0),
    "step_up": lambda t: np.where(t < 0, -1.0, 1.0),
    "valley": lambda t: 2 * np.abs(t) - 1,
    "warble": lambda t: np.sin(3.5 * np.pi * t),
}
NAMES = tuple(CONTOURS)


def draw_chirp(contour: str, number: int, *, seed: int = 0) -> bytes:
    """Returns a tone as a WAV file of 16 bits at 8,000 samples per second.

    Its length, pitch, strength of three harmonics, loudness, noise and silence around it are random
    and depend on (seed, contour, number) alone.

    Args:
        contour: one of `NAMES`.
        number: integer from 0.
        seed: integer from 0.
    """
    check_number("number", number, minimum=0, integer=True)
    generator = np.random.default_rng([seed, NAMES.index(contour), number])
    length = int(RATE * (_SHORTEST + _LENGTHS * generator.random()))
    height = generator.uniform(*_HEIGHT)
    octaves = generator.random() * _OCTAVES + height * CONTOURS[contour](np.linspace(-1, 1, length))
    phase = 2 * np.pi * np.cumsum(_LOWEST * 2**octaves) / RATE
    loudness = generator.random(_TIMBRE) * 0.5 ** np.arange(_TIMBRE)
    tone = sum(a * np.sin(k * phase) for k, a in enumerate(loudness + 1e-3, 1)) * _fade(length)
    before, after = (generator.random(2) * RATE / 5).astype(int)
    samples = np.pad(tone / np.abs(tone).max(), (before, after))
    samples += generator.normal(0, 10 ** generator.uniform(-3, -1.7), len(samples))
    return wave_bytes(samples * generator.uniform(0.05, 0.9), RATE)


def chirp_readers(per_class: int = PER_CLASS, *, seed: int = 0) -> dict:
    """Returns {name such as "chirps/rising/003.wav": function that returns its bytes}."""
    return {
        f"chirps/{contour}/{number:03d}.wav": functools.partial(
            draw_chirp, contour, number, seed=seed
        )
        for contour in NAMES
        for number in range(per_class)
    }


def _fade(length):
    edge = np.arange(1, RATE // 50 + 1) / (RATE // 50)
    envelope = np.ones(length)
    envelope[: len(edge)], envelope[-len(edge) :] = edge, edge[::-1]
    return envelope
