import numpy as np
import pytest
import tensorflow as tf

from tests.data.images import textured
from tl_keras.data.pipelines.augmentation_presets import PRESETS, SoundAugmentation
from tl_keras.data.pipelines.spectrogram_augmentation import (
    COLUMNS,
    USES,
    change_spectrograms,
    warped_frequency,
)

IMAGES = np.stack([textured(seed, (64, 48)) for seed in range(4)]).astype(np.float32)[..., :1]


def change(preset, images=IMAGES, **draws):
    """Changes images with random numbers that are 0.5, no change, but for those given."""
    uniform = np.full((len(images), COLUMNS), 0.5, np.float32)
    for name, value in draws.items():
        uniform[:, USES.index(name)] = value
    return change_spectrograms(tf.constant(images), preset, tf.constant(uniform)).numpy()


def test_without_strength_or_at_the_middle_nothing_changes():
    uniform = np.random.default_rng(0).random((4, COLUMNS), np.float32)
    same = change_spectrograms(tf.constant(IMAGES), SoundAugmentation(), tf.constant(uniform))
    np.testing.assert_allclose(same, IMAGES, atol=1e-3)


def test_frequencies_are_warped_as_in_the_paper():
    frequency = np.linspace(0, 4000, 81)
    for factor in (0.8, 1.0, 1.25):
        warped = warped_frequency(frequency, np.float64(factor)).numpy()
        below = frequency <= 3200 * min(factor, 1) / factor
        np.testing.assert_allclose(warped[below], factor * frequency[below])
        assert warped[-1] == pytest.approx(4000) and (np.diff(warped) > 0).all()


def test_a_longer_vocal_tract_lowers_a_tone():
    tone = np.zeros((1, 64, 48, 1), np.float32)
    tone[:, 20] = 255
    preset = SoundAugmentation(warp=0.2)
    rows = [change(preset, tone, warp=draw)[0, :, 0, 0].argmax() for draw in (0.0, 0.5, 0.999)]
    assert rows[0] < rows[1] == 20 < rows[2]


def test_time_is_stretched_and_shifted_but_never_turned_around():
    ramp = np.broadcast_to(np.arange(48, dtype=np.float32)[None, None, :, None], (1, 64, 48, 1))
    fast = change(SoundAugmentation(stretch=0.5), ramp, stretch=0.999)[0, 0, :, 0]
    assert fast[0] == 0 and fast[-1] == 47 and np.diff(fast).max() == pytest.approx(1.65, abs=0.01)
    moved = change(SoundAugmentation(shift=0.25), ramp, shift=1.0)[0, 0, :, 0]
    np.testing.assert_allclose(moved[:30], np.arange(12, 42), atol=1e-3)
    uniform = np.random.default_rng(0).random((50, COLUMNS), np.float32)
    plain = SoundAugmentation(stretch=0.3, shift=0.1)
    many = change_spectrograms(tf.repeat(ramp, 50, axis=0), plain, tf.constant(uniform)).numpy()
    assert (np.diff(many[:, 0, :, 0], axis=1) >= -1e-3).all()


def test_tilt_brightens_the_top_and_darkens_the_bottom():
    grey = np.full((1, 64, 8, 1), 100, np.float32)
    tilted = change(SoundAugmentation(tilt=30.0), grey, tilt=1.0)[0, :, 0, 0]
    assert tilted[0] == pytest.approx(130) and tilted[-1] == pytest.approx(70)
    covered = change(SoundAugmentation(floor=200.0), grey, floor=1.0)
    np.testing.assert_allclose(covered, 200)


def test_masks_hide_bands_of_their_largest_width():
    white = np.full((200, 64, 48, 1), 255, np.float32)
    uniform = np.random.default_rng(0).random((200, COLUMNS), np.float32)
    preset = SoundAugmentation(masks=1, frequency_mask=0.25, time_mask=0.25)
    hidden = change_spectrograms(tf.constant(white), preset, tf.constant(uniform)).numpy() == 0
    rows, columns = hidden.all(axis=(2, 3)).sum(axis=1), hidden.all(axis=(1, 3)).sum(axis=1)
    assert 12 < rows.max() <= 16 and 9 < columns.max() <= 12
    assert rows.mean() > 4 and columns.mean() > 3


def test_presets_of_sounds_do_not_mirror():
    for name in ("audio", "audio-strong"):
        assert isinstance(PRESETS[name], SoundAugmentation) and not PRESETS[name].horizontal_flip
