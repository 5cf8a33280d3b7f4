import io

import numpy as np
import pytest

from tl_keras.data.images import read_image
from tl_keras.data.sounds.chirps import NAMES, chirp_readers, draw_chirp
from tl_keras.data.sounds.sound_images import SoundImage, Sounds
from tl_keras.data.sounds.waves import read_wave


def test_a_chirp_depends_on_seed_contour_and_number_alone():
    first = draw_chirp("flat", 1)
    assert draw_chirp("flat", 1) == first
    others = (draw_chirp("flat", 2), draw_chirp("flat", 1, seed=1), draw_chirp("peak", 1))
    assert first not in others
    rate, samples = read_wave(io.BytesIO(first), "x")
    assert rate == 8000 and 0.4 <= len(samples) / rate <= 1.2


@pytest.mark.parametrize(
    ("contour", "change"),
    [("rising", 1), ("step_up", 1), ("falling", -1), ("step_down", -1), ("flat", 0)],
)
def test_pitch_follows_the_contour(contour, change):
    for number in range(3):
        read = chirp_readers(3)[f"chirps/{contour}/{number:03d}.wav"]
        image = read_image(SoundImage("x", Sounds(1.0, 8000), read))[..., 0].astype(int)
        columns = np.flatnonzero(image.max(axis=0) > 150)
        third = len(columns) // 3
        lowest = [np.flatnonzero(image[:, c] > 120).max() for c in columns]
        rise = np.median(lowest[:third]) - np.median(lowest[-third:])  # rows count from the top
        assert np.sign(rise) == change if change else abs(rise) <= 1


def test_every_contour_has_as_many_chirps():
    assert [name.split("/")[1] for name in chirp_readers(2)] == [n for n in NAMES for _ in "ab"]
