import io
import struct

import numpy as np
import pytest
from scipy.io import wavfile

from tests.data.images import save, textured
from tests.data.sounds.wave_files import form, riff, save_tone, tone
from tl_keras.data.sounds.waves import LONGEST, SoundReadError, read_wave, sample_rate, wave_bytes

SAMPLES = tone(300.0)


def written(samples, rate=8000):
    stream = io.BytesIO()
    wavfile.write(stream, rate, samples)
    return io.BytesIO(stream.getvalue())


def packed_24_bits(samples):
    numbers = np.round(samples * 2**23).astype("<i4")
    return numbers.view(np.uint8).reshape(-1, 4)[:, :3].tobytes()


@pytest.mark.parametrize(
    ("file", "step"),
    [
        (written((SAMPLES * 127 + 128).astype(np.uint8)), 1 / 64),
        (written((SAMPLES * 2**15).astype(np.int16)), 2**-14),
        (io.BytesIO(riff(form(1, 24), packed_24_bits(SAMPLES))), 2**-22),
        (written((SAMPLES * 2**31).astype(np.int32)), 1e-6),
        (written(SAMPLES.astype(np.float32)), 1e-6),
        (written(SAMPLES), 1e-6),
    ],
    ids=["8 bits", "16 bits", "24 bits", "32 bits", "float", "double"],
)
def test_every_form_of_a_sample_is_read(file, step):
    rate, samples = read_wave(file, "x.wav")
    assert rate == 8000 and samples.dtype == np.float32
    np.testing.assert_allclose(samples, SAMPLES, atol=step)


def test_an_odd_number_of_bytes_is_read():
    odd = SAMPLES[:-1]
    for bits, data in (
        (24, packed_24_bits(odd)),
        (8, (odd * 127 + 128).astype(np.uint8).tobytes()),
    ):
        _, samples = read_wave(io.BytesIO(riff(form(1, bits), data)), "x.wav")
        np.testing.assert_allclose(samples, odd, atol=1 / 64)


@pytest.mark.parametrize(
    ("tag", "codes", "expected"),
    [
        # ITU-T G.711: the largest, the smallest and some values between, of 16 bits.
        (7, [0x00, 0x80, 0xFF, 0x7F, 0x8F, 0xF0], [-32124, 32124, 0, 0, 16764, 120]),
        (6, [0xAA, 0x2A, 0xD5, 0x55, 0x80, 0xC5], [32256, -32256, 8, -8, 5504, 264]),
    ],
    ids=["mu-law", "A-law"],
)
def test_telephone_codes_are_read(tag, codes, expected):
    rate, samples = read_wave(io.BytesIO(riff(form(tag, 8), bytes(codes))), "x.wav")
    np.testing.assert_array_equal(np.round(samples * 32768), expected)


def test_channels_are_averaged():
    both = np.stack([SAMPLES, np.zeros_like(SAMPLES), SAMPLES], axis=1).astype(np.float32)
    _, samples = read_wave(written(both), "x.wav")
    np.testing.assert_allclose(samples, SAMPLES * 2 / 3, atol=1e-6)


def test_other_chunks_and_the_size_of_a_stream_do_not_disturb():
    data = (SAMPLES * 2**15).astype("<i2").tobytes()
    more = b"LIST" + struct.pack("<I", 3) + b"abc\0"  # of odd length, so padded
    for size in (None, 0, 0xFFFFFFFF):
        _, samples = read_wave(io.BytesIO(riff(form(1, 16), data, size=size, before=more)), "x")
        assert len(samples) == len(SAMPLES)


def test_only_the_first_minute_of_a_long_file_is_read(tmp_path):
    path, rate, seconds = tmp_path / "long.wav", 8000, 30 * 60
    with open(path, "wb") as file:  # sparse: it takes no room
        file.write(riff(form(1, 16), b"", size=2 * rate * seconds))
        file.truncate(file.tell() + 2 * rate * seconds)
    found, samples = read_wave(path)
    assert found == rate and len(samples) == LONGEST * rate


def test_wave_bytes_are_read_again(tmp_path):
    path = save_tone(tmp_path / "a.wav", 300.0)
    np.testing.assert_allclose(read_wave(path)[1], SAMPLES, atol=1e-4)
    assert sample_rate(path) == 8000 and sample_rate(io.BytesIO(b"no")) is None
    assert read_wave(io.BytesIO(wave_bytes(SAMPLES, 16000)), "x")[0] == 16000


WHOLE = wave_bytes(SAMPLES, 8000)
BAD = {
    "the file is empty": b"",
    r"it is cut off: 7,[\d,]+ of 8,000 bytes": WHOLE[:-100],
    "it is cut off before its samples": WHOLE[:20],
    "not finite": riff(form(3, 32), np.array([0, np.nan], "<f4").tobytes()),
    "an MP3 file; convert": b"ID3\x03" + bytes(200),
    "but an MP3 file": b"\xff\xfb\x90" + bytes(200),
    "but a FLAC file": b"fLaC" + bytes(200),
    "its content is not a WAV file$": b"hello world, this is a text",
    "no samples": riff(form(1, 16), b"\0"),
    "0 channels": riff(form(1, 16, channels=0), bytes(8)),
    "7 samples per second": riff(form(1, 16, rate=7), bytes(8)),
    "ADPCM": riff(form(2, 8), bytes(64)),
    "does not describe": riff(b"\1\0", bytes(8)),
}


@pytest.mark.parametrize("reason", BAD)
def test_a_bad_file_is_refused_by_name_and_reason(tmp_path, reason):
    path = tmp_path / "bad one.wav"
    path.write_bytes(BAD[reason])
    with pytest.raises(SoundReadError, match="readable WAV file; received .*bad one.wav") as caught:
        read_wave(path)
    assert caught.match(reason.rstrip("$")) and "\n" not in str(caught.value)


def test_files_that_are_no_sounds_are_refused(tmp_path):
    picture = save(tmp_path / "a.png", textured(0))
    with pytest.raises(SoundReadError, match="not a WAV file"):
        read_wave(picture)
    with pytest.raises(SoundReadError, match="does not exist"):
        read_wave(tmp_path / "none.wav")
    with pytest.raises(SoundReadError, match="not a regular file"):
        read_wave(tmp_path)
