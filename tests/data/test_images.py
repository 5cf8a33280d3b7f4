import os

import numpy as np
import pytest
from PIL import Image

from tests.data.images import save, textured
from tl_keras.checks import InputError
from tl_keras.data import images
from tl_keras.data.images import (
    MAX_PIXELS,
    ImageReadError,
    check_image_size,
    decoding_threads,
    is_gray_file,
    printable,
    read_checked,
    read_image,
    read_resized,
    resize_image,
    suffix_matches,
)


def gray(value, mode):
    return Image.new(mode, (3, 2), value)


def png_header(width, height):
    """A PNG file that declares a size and holds nothing."""
    import struct
    import zlib

    def chunk(kind, content):
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"")


@pytest.mark.parametrize("kind", ["jpg", "png"])
@pytest.mark.fault(1)
def test_a_truncated_image_is_refused_by_name(tmp_path, kind):
    path = tmp_path / f"half.{kind}"
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ImageReadError, match=rf"half\.{kind}: .*truncated") as caught:
        read_image(path)
    assert caught.value.path == str(path)


@pytest.mark.fault(2)
def test_an_empty_file_is_refused_by_name(tmp_path):
    path = tmp_path / "empty.jpg"
    path.touch()
    with pytest.raises(ImageReadError, match=r"empty\.jpg: the file is empty \(0 bytes\)"):
        read_image(path)


@pytest.mark.fault(3)
def test_text_named_jpg_is_refused_by_name(tmp_path):
    path = tmp_path / "page.jpg"
    path.write_text("<html>not found</html>")
    with pytest.raises(ImageReadError, match=r"page\.jpg: its content is not a JPEG, PNG"):
        read_image(path)


@pytest.mark.parametrize("name", ["PNG", "GIF", "WEBP"])
@pytest.mark.fault(4)
def test_the_content_decides_the_format_not_the_suffix(tmp_path, name):
    path = tmp_path / "image.jpg"
    Image.new("RGB", (3, 2), (255, 0, 0)).save(
        path, name, **({"lossless": True} if name == "WEBP" else {})
    )
    found = read_checked(path)
    assert found.format == name
    assert not suffix_matches(path, found.format)
    np.testing.assert_array_equal(found.image, np.full((2, 3, 3), (255, 0, 0)))


@pytest.mark.parametrize("suffix", [".webp", ".tif", ".tiff", ".bmp", ".gif", ".jpeg"])
@pytest.mark.fault(5)
def test_every_listed_suffix_is_read(tmp_path, suffix):
    path = save(tmp_path / f"image{suffix}", textured(1))
    found = read_checked(path)
    assert found.image.shape == (20, 24, 3) and found.image.dtype == np.uint8
    assert suffix_matches(path, found.format)


@pytest.mark.fault(6)
def test_cmyk_jpeg_becomes_rgb(tmp_path):
    path = tmp_path / "print.jpg"
    Image.new("CMYK", (16, 16), (0, 255, 255, 0)).save(path)  # no cyan, all magenta and yellow
    red, green, blue = read_image(path)[8, 8].astype(int)
    assert red > 240 and green < 15 and blue < 15


@pytest.mark.fault(7)
def test_gray_is_repeated_in_three_channels(tmp_path):
    gray(77, "L").save(tmp_path / "gray.png")
    np.testing.assert_array_equal(read_image(tmp_path / "gray.png"), np.full((2, 3, 3), 77))


@pytest.mark.fault(7)
def test_transparency_is_composited_on_white(tmp_path):
    Image.new("RGBA", (3, 2), (0, 0, 0, 0)).save(tmp_path / "clear.png")
    Image.new("LA", (3, 2), (0, 0)).save(tmp_path / "clear_gray.png")
    for name in ("clear.png", "clear_gray.png"):
        np.testing.assert_array_equal(read_image(tmp_path / name), np.full((2, 3, 3), 255))
    Image.new("RGBA", (3, 2), (255, 0, 0, 51)).save(tmp_path / "fifth.png")
    # 51 / 255 of red over 204 / 255 of white
    np.testing.assert_array_equal(read_image(tmp_path / "fifth.png")[0, 0], (255, 204, 204))


@pytest.mark.fault(7)
def test_palette_with_a_transparent_colour_is_read(tmp_path):
    image = Image.new("P", (2, 1))
    image.putpalette([0, 128, 0, 0, 0, 0])
    image.putdata([0, 1])
    image.save(tmp_path / "palette.png", transparency=1)
    np.testing.assert_array_equal(
        read_image(tmp_path / "palette.png"), [[(0, 128, 0), (255, 255, 255)]]
    )


@pytest.mark.fault(8)
def test_16_bit_gray_is_scaled_by_257(tmp_path):
    values = np.array([[0, 257, 128 * 257, 65535]], np.uint16)
    for name in ("deep.png", "deep.tiff"):
        Image.fromarray(values).save(tmp_path / name)
        np.testing.assert_array_equal(read_image(tmp_path / name)[0, :, 0], [0, 1, 128, 255])


def test_decimal_pixels_are_refused(tmp_path):
    Image.fromarray(np.zeros((2, 2), np.float32)).save(tmp_path / "float.tiff")
    with pytest.raises(ImageReadError, match="decimal numbers, which have no agreed range"):
        read_image(tmp_path / "float.tiff")


@pytest.mark.fault(9)
def test_the_first_frame_of_an_animation_is_taken(tmp_path):
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "two.gif", save_all=True, append_images=frames[1:])
    np.testing.assert_array_equal(read_image(tmp_path / "two.gif")[0, 0], (255, 0, 0))


@pytest.mark.fault(10)
def test_the_exif_rotation_is_applied(tmp_path):
    stored = Image.new("RGB", (4, 2))
    stored.putpixel((0, 0), (255, 255, 255))
    exif = Image.Exif()
    exif[0x0112] = 6  # shown after a quarter turn clockwise: top left goes to top right
    stored.save(tmp_path / "turned.png", exif=exif)
    image = read_image(tmp_path / "turned.png")
    assert image.shape == (4, 2, 3)
    assert image[0, 1, 0] == 255 and image.sum() == 3 * 255


@pytest.mark.fault(11)
def test_an_image_of_one_pixel_is_read(tmp_path):
    assert read_image(save(tmp_path / "dot.png", np.zeros((1, 1, 3), np.uint8))).shape == (1, 1, 3)


@pytest.mark.fault(12)
def test_a_huge_image_is_refused_from_its_header(tmp_path):
    (tmp_path / "huge.png").write_bytes(png_header(30_000, 30_000))
    with pytest.raises(ImageReadError, match=f"huge.png: its header declares .*{MAX_PIXELS:,}"):
        read_image(tmp_path / "huge.png")
    (tmp_path / "large.png").write_bytes(png_header(10_000, 9_000))
    with (
        pytest.warns(Image.DecompressionBombWarning),
        pytest.raises(ImageReadError, match="declares 10000 x 9000 pixels, more than the limit"),
    ):
        read_image(tmp_path / "large.png")


@pytest.mark.fault(13)
def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ImageReadError, match=r"gone\.jpg: the file does not exist"):
        read_image(tmp_path / "gone.jpg")


def test_a_pipe_is_refused_instead_of_waited_on(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(ImageReadError, match="not a regular file"):
        read_image(tmp_path / "pipe.jpg")


@pytest.mark.fault(20)
def test_names_with_newlines_and_bytes_that_are_not_text_stay_on_one_line():
    assert printable("Käse und Brot.jpg") == "Käse und Brot.jpg"
    assert printable("a\nb") == "a\\nb"
    assert printable(os.fsdecode(b"a\xff")) == "a\\udcff"


def test_gray_files_are_known_by_their_header(tmp_path):
    assert is_gray_file(save(tmp_path / "gray.png", np.zeros((2, 2), np.uint8)))
    assert not is_gray_file(save(tmp_path / "colour.png", np.zeros((2, 2, 3), np.uint8)))


def smooth(height, width):
    """An image with detail of all sizes but the very smallest."""
    noise = [
        np.random.default_rng(side).integers(0, 256, (side, side, 3), np.uint8)
        for side in (4, 16, 64)
    ]
    return np.mean([resize_image(each, (height, width)) for each in noise], axis=0).astype(np.uint8)


@pytest.mark.parametrize(
    ("size", "decoded"),
    [((360, 320), (180, 160)), ((320, 640), (160, 320)), ((1300, 1290), (163, 162))],
)
@pytest.mark.parametrize("turned", [False, True])
def test_a_large_jpeg_is_decoded_smaller_and_looks_the_same(
    monkeypatch, tmp_path, size, decoded, turned
):
    seen = []
    sized = images._sized
    monkeypatch.setattr(images, "_CHECK_SIDE", 1)
    monkeypatch.setattr(
        images, "_sized", lambda image, *how: seen.append(image.size) or sized(image, *how)
    )
    exif = Image.Exif()
    exif[0x0112] = 6 if turned else 1  # lies on its side
    path = tmp_path / "large.jpg"
    Image.fromarray(smooth(*size)).save(path, quality=95, exif=exif)
    ours = read_resized(path, (80, 70))
    assert seen == [decoded[::-1]]
    exact = resize_image(read_image(path), (80, 70))
    assert ours.shape == exact.shape and ours.dtype == np.uint8
    assert np.abs(ours.astype(int) - exact).mean() < 1


@pytest.mark.parametrize("name", ["small.jpg", "large.png", "gray16.png", "clear.png", "cmyk.jpg"])
def test_other_files_are_resized_as_they_are(tmp_path, name):
    path = tmp_path / name
    image = Image.fromarray(smooth(300, 240))
    if name == "small.jpg":
        image = image.resize((160, 220))  # less than twice 80 as a half
    elif name == "gray16.png":
        image = Image.fromarray((smooth(90, 90)[..., 0] * 257.0).astype(np.uint16))
    elif name == "clear.png":
        image.putalpha(100)
    elif name == "cmyk.jpg":
        image = image.resize((160, 220)).convert("CMYK")
    image.save(path)
    exact = resize_image(read_image(path), (80, 80))
    np.testing.assert_array_equal(read_resized(path, (80, 80)), exact)


@pytest.mark.parametrize("name", ["large.jpg", "turned.jpg", "grey.jpg", "small.jpg", "deep.png"])
@pytest.mark.parametrize("image_size", [(80, 70), (20, 30), (160, 150)])
def test_a_file_is_decoded_once_to_be_checked_and_resized(tmp_path, monkeypatch, name, image_size):
    monkeypatch.setattr(images, "_CHECK_SIDE", 60)
    exif = Image.Exif()
    exif[0x0112] = 6 if name == "turned.jpg" else 1
    image = Image.fromarray(smooth(*((100, 90) if name == "small.jpg" else (600, 500))))
    if name == "deep.png":
        image = Image.fromarray((smooth(90, 90)[..., 0] * 257.0).astype(np.uint16))
    elif name == "grey.jpg":
        image = image.convert("L")
    image.save(tmp_path / name, exif=exif)
    opened = []
    whole = images.Image.open
    monkeypatch.setattr(images.Image, "open", lambda *a, **k: opened.append(a) or whole(*a, **k))
    checked = read_checked(tmp_path / name, image_size)
    larger = max(image_size) > 60 and name in ("large.jpg", "turned.jpg", "grey.jpg")
    assert len(opened) == (2 if larger else 1)
    np.testing.assert_array_equal(checked.resized, read_resized(tmp_path / name, image_size))
    np.testing.assert_array_equal(checked.image, read_checked(tmp_path / name).image)
    upright = read_image(tmp_path / name)
    if name in ("large.jpg", "turned.jpg", "grey.jpg"):
        assert checked.image.shape[:2] == tuple(side // 4 for side in upright.shape[:2])
    else:
        np.testing.assert_array_equal(checked.image, upright)


def test_a_truncated_large_jpeg_is_refused_when_it_is_resized(tmp_path):
    path = tmp_path / "half.jpg"
    Image.fromarray(smooth(300, 240)).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ImageReadError, match=r"half\.jpg: .*truncated"):
        read_resized(path, (40, 40))
    with pytest.raises(ImageReadError, match=r"half\.jpg: .*truncated"):
        read_checked(path)


def test_resizing_averages_and_keeps_the_channels():
    pixels = np.array([[0, 0, 200, 200], [0, 0, 200, 200]], np.uint8)
    for image in (pixels, pixels[..., None]):
        resized = resize_image(image, (1, 2))
        assert resized.shape == (1, 2, 1) and resized.dtype == np.uint8
        assert resized[0, 0, 0] < 60 and resized[0, 1, 0] > 140
    assert resize_image(np.zeros((4, 4, 3), np.uint8), (2, 3)).shape == (2, 3, 3)


@pytest.mark.parametrize("image_size", [224, (224,), (0, 224), (1.5, 2), (2, 2, 3)])
def test_an_image_size_that_is_not_a_pair_is_refused(image_size):
    with pytest.raises(InputError, match=r"Expected image_size to be \(height, width\)"):
        check_image_size(image_size)


def test_small_images_are_read_in_one_thread_and_others_in_all(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    paths = [str(tmp_path / f"{side}.png") for side in (32, 128, 129)]
    for path, side in zip(paths, (32, 128, 129), strict=True):
        Image.fromarray(np.zeros((side, side, 3), np.uint8)).save(path)
    assert [decoding_threads([path]) for path in paths] == [1, 1, 6]
    assert decoding_threads([str(tmp_path / "nowhere.png")]) == 6
    assert decoding_threads([]) == 1
