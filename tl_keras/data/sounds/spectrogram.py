"""Log-mel spectrogram of a sound, as a grey image."""

import functools
from fractions import Fraction

import numpy as np

MELS = 64  # rows
PER_SECOND = 64  # columns
LOWEST = 50.0  # Hz
_WINDOW = 0.032  # seconds
_RANGE = 60.0  # dB from black to white, which is the loudest point
_SILENCE = 1e-4  # largest deviation from the mean of a sound that counts as silent, of 1
_TRIM_WINDOW = 0.025  # seconds
_NEVER_TRIMMED, _ALWAYS_TRIMMED = 25.0, 45.0  # dB below the loudest window
_ABOVE_NOISE = 6.0  # dB
_MOST_TERMS = 1000  # of the fraction of two rates


def clipped(samples: np.ndarray, rate: int, sample_rate: int, seconds: float) -> np.ndarray:
    """Returns a sound at another rate, without silence at its ends, at most `seconds` long.

    A longer sound is cut to its loudest part. The level is scaled so that the peak is 1.

    Args:
        samples: float (n,).
        rate: samples per second.
        sample_rate: samples per second of the result.
        seconds: largest length.

    Returns:
        float32 (m,), values from -1 to 1.

    Raises:
        ValueError: the sound is silent.
    """
    from scipy.signal import resample_poly  # slow to import

    samples = samples - samples.mean()
    if np.abs(samples).max() < _SILENCE:
        raise ValueError("it holds silence alone")
    ratio = Fraction(sample_rate, rate).limit_denominator(_MOST_TERMS)
    if ratio != 1:
        samples = resample_poly(samples, ratio.numerator, ratio.denominator)
    loudest = _loudest(_trimmed(samples, sample_rate), round(seconds * sample_rate))
    return (loudest / np.abs(loudest).max()).astype(np.float32)


def spectrogram(samples: np.ndarray, sample_rate: int, seconds: float) -> np.ndarray:
    """Returns the log-mel spectrogram of a sound: high notes at the top, time to the right.

    A shorter sound than `seconds` stands in the middle. White is the loudest point, black is 60 dB
    below it or less.

    Args:
        samples: float (n,), at most `seconds` long.
        sample_rate: samples per second.
        seconds: length of the image, 64 columns for each.

    Returns:
        uint8 (64, columns), 0-255.
    """
    columns = max(1, round(seconds * PER_SECOND))
    power = _power(samples, sample_rate, seconds, columns)
    mels = power @ mel_filters(sample_rate, 2 * (power.shape[1] - 1)).T
    decibels = 10 * np.log10(np.maximum(mels, 1e-12)).T[::-1]
    scaled = 255 * (1 + (decibels - decibels.max()) / _RANGE)
    return np.round(np.clip(scaled, 0, 255)).astype(np.uint8)


@functools.lru_cache(maxsize=8)
def mel_filters(sample_rate: int, size: int) -> np.ndarray:
    """Returns triangular filters at equal steps of the mel scale, peak 1.

    Args:
        sample_rate: samples per second.
        size: samples of the Fourier transform.

    Returns:
        float32 (64, size // 2 + 1).

    Reference:
        The mel scale of O'Shaughnessy 1987: 2595 * log10(1 + f / 700).
    """
    places = hertz(np.linspace(mel(LOWEST), mel(sample_rate / 2), MELS + 2))
    low, middle, high = places[:-2, None], places[1:-1, None], places[2:, None]
    frequencies = np.arange(size // 2 + 1) * (sample_rate / size)
    rising = (frequencies - low) / (middle - low)
    falling = (high - frequencies) / (high - middle)
    return np.maximum(0, np.minimum(rising, falling)).astype(np.float32)


def mel(frequency: float | np.ndarray) -> float | np.ndarray:
    """Converts Hz to mels."""
    return 2595 * np.log10(1 + frequency / 700)


def hertz(mels: float | np.ndarray) -> float | np.ndarray:
    """Converts mels to Hz."""
    return 700 * (10 ** (mels / 2595) - 1)


def _power(samples, sample_rate, seconds, columns):
    """Returns the power of each frequency, float (columns, bins)."""
    window = round(_WINDOW * sample_rate)
    size = 2 ** int(np.ceil(np.log2(2 * window)))  # finer than the narrowest filter
    whole = round(seconds * sample_rate)
    before = (whole - len(samples)) // 2
    padded = np.pad(samples, (before + window // 2, whole - len(samples) - before + window))
    starts = np.round(np.arange(columns) * (whole / columns)).astype(int)
    frames = padded[starts[:, None] + np.arange(window)] * np.hanning(window)
    return np.abs(np.fft.rfft(frames, size)) ** 2


def _trimmed(samples, sample_rate):
    """Returns the sound from the first window that is not silent to the last.

    A window is silent below a threshold 6 dB above the quietest twentieth of the windows. The
    threshold lies 25 to 45 dB below the loudest window.
    """
    window = max(1, round(_TRIM_WINDOW * sample_rate))
    count = max(1, len(samples) // window)
    windows = samples[: count * window].reshape(count, -1)
    level = 10 * np.log10((windows**2).mean(axis=1) + 1e-12)
    noise = np.percentile(level, 5) + _ABOVE_NOISE
    top = level.max()
    heard = np.flatnonzero(level >= np.clip(noise, top - _ALWAYS_TRIMMED, top - _NEVER_TRIMMED))
    return samples[max(0, heard[0] - 1) * window : (heard[-1] + 2) * window]


def _loudest(samples, most):
    """Returns the `most` successive samples with the largest power, or all if there are fewer."""
    if len(samples) <= most:
        return samples
    sums = np.cumsum(np.concatenate([[0.0], samples.astype(np.float64) ** 2]))
    start = int(np.argmax(sums[most:] - sums[:-most]))
    return samples[start : start + most]
