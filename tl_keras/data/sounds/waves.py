"""Samples of a WAV file: SciPy reads them after its header was checked."""

import io
import os
import stat
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from tl_keras.data.images import ImageReadError, printable

SOUND_SUFFIXES = frozenset({".wav"})
LONGEST = 60  # seconds that are read of a file
_LOWEST_RATE, _HIGHEST_RATE = 1_000, 768_000  # samples per second
_ALAW, _MULAW, _EXTENSIBLE = 6, 7, 0xFFFE
_STREAMED = (0, 0xFFFFFFFF)  # sizes in the header of a stream, written before its end is known
_OTHERS = {
    b"ID3": "an MP3",
    b"OggS": "an Ogg",
    b"fLaC": "a FLAC",
    b"FORM": "an AIFF",
    b"RIFX": "a big-endian WAV",
    b"RF64": "an RF64",
}


class SoundReadError(ImageReadError):
    """Raised if a sound cannot be read; see `ImageReadError`."""

    def __init__(self, path: str, reason: str) -> None:
        self.path = os.fspath(path)
        self.reason = reason
        # Not that of `ImageReadError`, whose message names an image.
        ValueError.__init__(
            self,
            f"Expected a readable WAV file; received {printable(self.path)}: {reason}. "
            "Replace or remove the file.",
        )


@dataclass(frozen=True)
class _Header:
    """Place and form of the samples in a WAV file."""

    form: bytes  # content of the chunk "fmt "
    start: int  # of the samples, in bytes
    size: int  # of the samples that are there, in bytes

    @property
    def fields(self):
        """(format tag, channels, rate, bytes per frame)"""
        tag, channels, rate, _, frame = struct.unpack("<HHIIH", self.form[:14])
        if tag == _EXTENSIBLE and len(self.form) >= 26:
            (tag,) = struct.unpack("<H", self.form[24:26])
        return tag, channels, rate, frame


def read_wave(file: str | Path | BinaryIO, name: str | None = None) -> tuple[int, np.ndarray]:
    """Returns the sample rate and the samples of the first minute of a WAV file.

    Integers of 8 to 64 bits, floats, mu-law and A-law are read. Channels are averaged.

    Args:
        file: path, or an open binary file.
        name: name in messages. Defaults to `file`.

    Returns:
        (samples per second, float32 (n,) in [-1, 1] for integers).

    Raises:
        SoundReadError: the file is missing, empty, cut off, silent, not a WAV file, or holds values
            that are not finite.
    """
    name = os.fspath(file) if name is None else name
    try:
        with _opened(file) as stream:
            header = _header(stream)
            rate, samples = _decoded(header, stream)
    except SoundReadError:
        raise
    except FileNotFoundError:
        raise SoundReadError(name, "the file does not exist") from None
    except (OSError, ValueError, struct.error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SoundReadError(name, " ".join(reason.split())) from error
    return rate, samples


def sample_rate(file: str | Path | BinaryIO) -> int | None:
    """Returns the rate in the header of a WAV file; None if there is no such header."""
    try:
        with _opened(file) as stream:
            return _header(stream).fields[2]
    except (OSError, ValueError, struct.error):
        return None


def wave_bytes(samples: np.ndarray, rate: int) -> bytes:
    """Returns a WAV file of 16 bits; samples are float (n,) in [-1, 1]."""
    from scipy.io import wavfile  # slow to import

    stream = io.BytesIO()
    wavfile.write(stream, rate, np.round(np.clip(samples, -1, 1) * 32767).astype(np.int16))
    return stream.getvalue()


def _opened(file):
    if not isinstance(file, str | os.PathLike):
        return file
    # Reading a named pipe would block for ever.
    if not stat.S_ISREG(os.stat(file).st_mode):
        raise ValueError("it is not a regular file")
    return open(file, "rb")


def _header(stream):
    """Reads the header and leaves the stream anywhere."""
    whole = stream.seek(0, os.SEEK_END)
    if whole == 0:
        raise ValueError("the file is empty (0 bytes)")
    stream.seek(0)
    start = stream.read(12)
    if start[:4] != b"RIFF" or start[8:] != b"WAVE":
        raise ValueError(f"its content is not a WAV file{_guess(start)}")
    form = None
    while len(head := stream.read(8)) == 8:
        kind, size = head[:4], struct.unpack("<I", head[4:])[0]
        if kind == b"data":
            return _checked(_Header(form, stream.tell(), size), whole)
        if kind == b"fmt ":
            form = stream.read(size)
            stream.seek(size % 2, os.SEEK_CUR)
        else:
            stream.seek(size + size % 2, os.SEEK_CUR)  # chunks begin at even places
    raise ValueError("it is cut off before its samples")


def _guess(start):
    kinds = [kind for magic, kind in _OTHERS.items() if start.startswith(magic)]
    if not kinds and start[:1] == b"\xff" and start[1:2] >= b"\xe0":
        kinds = ["an MP3"]
    return f" but {kinds[0]} file; convert it" if kinds else ""


def _checked(header, whole):
    """Refuses a header without samples, or with more samples than the file has."""
    if header.form is None or len(header.form) < 16:
        raise ValueError("its header does not describe the samples")
    _, channels, rate, frame = header.fields
    if not (channels and frame and frame % channels == 0):
        raise ValueError(f"its header declares {channels} channels in {frame} bytes")
    if not _LOWEST_RATE <= rate <= _HIGHEST_RATE:
        raise ValueError(f"its header declares {rate} samples per second")
    there = whole - header.start
    size = there if header.size in _STREAMED else header.size
    if size > there:
        raise ValueError(f"it is cut off: {there:,} of {size:,} bytes of samples are there")
    if size < frame:
        raise ValueError("it holds no samples")
    return _Header(header.form, header.start, size)


def _decoded(header, stream):
    """Reads at most a minute of samples; SciPy would read all of them."""
    tag, channels, rate, frame = header.fields
    stream.seek(header.start)
    data = stream.read(min(header.size, LONGEST * rate * frame) // frame * frame)
    samples = _LAWS[tag](data) if tag in _LAWS else _by_scipy(header.form, data)
    samples = samples.reshape(-1, channels).mean(axis=1, dtype=np.float32)
    if not np.isfinite(samples).all():
        raise ValueError("it holds values that are not finite (NaN or infinite)")
    return rate, samples


def _by_scipy(form, data):
    """Decodes samples of one form; returns float32 (n,) or (n, channels)."""
    from scipy.io import wavfile  # slow to import

    chunks = _chunk(b"fmt ", form) + _chunk(b"data", data)
    _, samples = wavfile.read(io.BytesIO(_chunk(b"RIFF", b"WAVE" + chunks)))
    if samples.dtype == np.uint8:
        return (samples.astype(np.float32) - 128) / 128
    if samples.dtype.kind == "i":
        return (samples / -float(np.iinfo(samples.dtype).min)).astype(np.float32)
    return samples.astype(np.float32)


def _chunk(kind, content):
    padding = b"\0" * (len(content) % 2)  # chunks begin at even places
    return kind + struct.pack("<I", len(content)) + content + padding


def _mulaw(data):
    """Decodes mu-law (ITU-T G.711)."""
    codes = ~np.frombuffer(data, np.uint8)
    size = ((codes & 15).astype(np.int32) * 8 + 132 << (codes >> 4 & 7)) - 132
    return np.where(codes & 128, -size, size).astype(np.float32) / 32768


def _alaw(data):
    """Decodes A-law (ITU-T G.711)."""
    codes = np.frombuffer(data, np.uint8) ^ 0x55
    steps = (codes >> 4 & 7).astype(np.int32)
    size = (codes & 15).astype(np.int32) * 16 + 8
    size = np.where(steps > 0, size + 256 << np.maximum(steps - 1, 0), size)
    return np.where(codes & 128, size, -size).astype(np.float32) / 32768


_LAWS = {_MULAW: _mulaw, _ALAW: _alaw}
