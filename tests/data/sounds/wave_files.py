"""Small WAV files for tests."""

import struct

import numpy as np

from tl_keras.data.sounds.chirps import NAMES, draw_chirp
from tl_keras.data.sounds.waves import wave_bytes


def tone(frequency, rate=8000, seconds=0.5):
    """A sine of amplitude 0.5, float (n,)."""
    return 0.5 * np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate)


def save_tone(path, frequency=500.0, rate=8000, seconds=0.5):
    """Writes a tone as a WAV file of 16 bits; returns its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(wave_bytes(tone(frequency, rate, seconds), rate))
    return path


def riff(form, data, *, size=None, before=b""):
    """A WAV file of given chunks; `size` is what its header declares for the samples."""
    size = len(data) if size is None else size
    chunks = b"fmt " + struct.pack("<I", len(form)) + form + before + b"data"
    chunks += struct.pack("<I", size) + data
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def form(tag, bits, *, channels=1, rate=8000):
    """The content of a chunk "fmt "."""
    frame = channels * bits // 8
    return struct.pack("<HHIIHH", tag, channels, rate, rate * frame, frame, bits)


def save_chirps(folder, per_class, *, names=NAMES[:3], seed=5):
    """Makes a folder of chirps with one sub-folder a class; returns `folder`."""
    for name in names:
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(per_class):
            (folder / name / f"{number}.wav").write_bytes(draw_chirp(name, number, seed=seed))
    return folder
