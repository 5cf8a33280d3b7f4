import numpy as np
import pytest

from tests.data.sounds.wave_files import tone
from tl_keras.data.sounds.spectrogram import (
    LOWEST,
    MELS,
    clipped,
    hertz,
    mel,
    mel_filters,
    spectrogram,
)

RATE = 8000


def image_of(samples, rate=RATE, seconds=1.0):
    return spectrogram(clipped(samples, rate, RATE, seconds), RATE, seconds)


def test_mel_filters_equal_a_slow_version():
    filters, size = mel_filters(RATE, 512), 512
    edges = hertz(np.linspace(mel(LOWEST), mel(RATE / 2), MELS + 2))
    for row in (0, 10, 63):
        low, middle, high = edges[row : row + 3]
        for place in range(size // 2 + 1):
            frequency = place * RATE / size
            rising, falling = (
                (frequency - low) / (middle - low),
                (high - frequency) / (high - middle),
            )
            expected = max(0.0, min(rising, falling))
            assert filters[row, place] == pytest.approx(expected, abs=1e-5)


def test_the_mel_scale_is_that_of_the_paper():
    assert mel(1000.0) == pytest.approx(1000, abs=0.1)  # by its definition
    assert hertz(mel(440.0)) == pytest.approx(440)


@pytest.mark.parametrize("frequency", [200.0, 440.0, 1000.0, 3000.0])
def test_a_tone_is_brightest_in_the_row_of_its_frequency(frequency):
    image = image_of(tone(frequency))
    step = (mel(RATE / 2) - mel(LOWEST)) / (MELS + 1)
    from_below = (mel(frequency) - mel(LOWEST)) / step - 1
    row = int(image[:, 32].argmax())
    assert image.shape == (64, 64) and image.dtype == np.uint8
    assert abs((MELS - 1 - row) - from_below) <= 1


def test_time_runs_to_the_right():
    rising = np.concatenate([tone(300.0), tone(2000.0)])
    image = image_of(rising).astype(int)
    assert image[:, 10].argmax() > image[:, 50].argmax()  # low notes are below


def test_level_offset_and_silence_around_change_nothing():
    sound = tone(500.0)
    plain = image_of(sound)
    quiet = np.concatenate([np.zeros(2000), 0.01 * sound, np.zeros(6000)]) + 0.3
    assert np.abs(image_of(quiet).astype(int) - plain).mean() < 6


def test_another_rate_gives_nearly_the_same_image():
    plain = image_of(tone(500.0)).astype(int)
    for rate in (11025, 16000, 44100):
        other = image_of(tone(500.0, rate), rate)
        assert np.abs(other - plain).mean() < 6, rate


def test_noise_at_the_ends_is_trimmed():
    noise = np.random.default_rng(0).normal(0, 0.005, 4000)
    assert len(clipped(np.concatenate([noise, tone(500.0), noise]), RATE, RATE, 60)) < 4800


def test_a_steady_sound_is_not_trimmed():
    noise = np.random.default_rng(0).normal(0, 0.1, 8000)
    assert len(clipped(noise, RATE, RATE, 60)) > 7600


def test_a_long_sound_is_cut_to_its_loudest_part():
    parts = [0.2 * tone(300.0, seconds=1), tone(900.0, seconds=1), 0.2 * tone(300.0, seconds=2)]
    found = clipped(np.concatenate(parts), RATE, RATE, 1.0)
    assert len(found) == RATE and np.abs(found).max() == 1
    spectrum = np.abs(np.fft.rfft(found))
    assert spectrum.argmax() == 900  # bins of 1 Hz


def test_width_is_by_the_length():
    assert spectrogram(tone(500.0), RATE, 2.5).shape == (64, 160)
    assert spectrogram(tone(500.0, seconds=0.001), RATE, 0.1).shape == (64, 6)


def test_silence_is_refused():
    with pytest.raises(ValueError, match="silence alone"):
        clipped(np.full(8000, 0.3), RATE, RATE, 1.0)
