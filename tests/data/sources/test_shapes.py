import itertools

import numpy as np
import pytest

from tl_keras.checks import InputError
from tl_keras.data.sources.named import load_named
from tl_keras.data.sources.shapes import (
    COLOURS,
    SHAPE_CLASSES,
    SHAPES,
    TEXTURES,
    draw_shapes,
    held_out_shapes,
    shape_descriptions,
)


@pytest.fixture(scope="module")
def drawn():
    return draw_shapes(2, image_size=32, seed=0)


def test_each_class_is_a_colour_a_texture_and_a_shape_in_turns(drawn):
    assert drawn.images.shape == (216, 32, 32, 3) and drawn.images.dtype == np.uint8
    np.testing.assert_array_equal(drawn.labels, np.tile(np.arange(108), 2))
    described = shape_descriptions()
    assert described.class_names == SHAPE_CLASSES and described.values.shape == (108, 15)
    groups = np.split(described.values, [len(SHAPES), len(SHAPES) + len(COLOURS)], axis=1)
    for group in groups:  # one shape, one colour and one texture each
        np.testing.assert_array_equal(group.sum(axis=1), 1)


def test_masks_hold_the_shape_whole_and_its_colour(drawn):
    shares = drawn.masks.mean(axis=(1, 2))
    assert shares.min() > 0.02 and shares.max() < 0.6
    edges = (drawn.masks[:, 0], drawn.masks[:, -1], drawn.masks[:, :, 0], drawn.masks[:, :, -1])
    assert np.mean([edge.mean() for edge in edges]) < 0.01
    wanted = np.array([COLOURS[name.split("_")[0]] for name in SHAPE_CLASSES])
    inside = np.stack(
        [np.median(image[mask], 0) for image, mask in zip(drawn.images, drawn.masks, strict=True)]
    )
    plain = np.array(["plain" in SHAPE_CLASSES[label] for label in drawn.labels])
    assert abs(inside[plain] - wanted[drawn.labels[plain]]).max() < 40


def test_colour_of_the_background_does_not_tell_the_class(drawn):
    ground = [
        image[~mask].mean(axis=0)
        for image, mask in zip(drawn.images.astype(float), drawn.masks, strict=True)
    ]
    red = np.array(["red" in SHAPE_CLASSES[label] for label in drawn.labels])
    ground = np.array(ground)
    assert abs(ground[red].mean(axis=0) - ground[~red].mean(axis=0)).max() < 20


def test_striped_and_dotted_shapes_vary_more_inside_than_plain_ones(drawn):
    spread = {texture: [] for texture in TEXTURES}
    for image, mask, label in zip(drawn.images, drawn.masks, drawn.labels, strict=True):
        spread[SHAPE_CLASSES[label].split("_")[1]].append(image[mask].max(axis=1).std())
    means = {texture: np.mean(values) for texture, values in spread.items()}
    assert min(means["striped"], means["dotted"]) > 2 * means["plain"]


def test_one_seed_gives_the_same_shapes_another_seed_others_and_fewer_the_first(drawn):
    few = draw_shapes(1, image_size=32, seed=0)
    np.testing.assert_array_equal(few.images, drawn.images[:108])
    other = draw_shapes(1, image_size=32, seed=1)
    assert (few.images != other.images).any(axis=(1, 2, 3)).all()


def test_any_two_attributes_of_a_held_out_class_occur_together_in_another():
    held = held_out_shapes()
    assert len(held) == 18 and set(held) < set(SHAPE_CLASSES)
    seen = [set(name.split("_")) for name in SHAPE_CLASSES if name not in held]
    for name in held:
        for pair in itertools.combinations(name.split("_"), 2):
            assert any(set(pair) < words for words in seen)
    for word in (*SHAPES, *COLOURS):
        assert sum(word in name.split("_") for name in held) == 3


def test_shapes_are_a_source_like_any_other(monkeypatch):
    from tl_keras.data.sources import named

    asked = []
    monkeypatch.setattr(
        named, "draw_shapes", lambda n, **how: asked.append(n) or draw_shapes(1, image_size=16)
    )
    (found,) = load_named("shapes").values()
    assert found.class_names == SHAPE_CLASSES and found.num_classes == 108
    assert asked == [40] and found.source == "shapes"


@pytest.mark.parametrize("wrong", [{"per_class": 0}, {"image_size": 15}, {"seed": -1}])
def test_a_number_out_of_bounds_is_refused(wrong):
    with pytest.raises(InputError, match=f"Expected {next(iter(wrong))}"):
        draw_shapes(**wrong)
