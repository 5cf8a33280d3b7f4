"""Slightly changed copies of images, as they are found on the web."""

import io

import numpy as np
from PIL import Image, ImageFilter


def as_jpeg(image, quality):
    """Returns the image after JPEG compression."""
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "JPEG", quality=quality)
    return np.asarray(Image.open(stream).convert("RGB"))


def moved(image, *, scale=1.0, shift=(0.0, 0.0), degrees=0.0):
    """Returns the image scaled and turned about its middle, then shifted; edges are repeated."""
    border = max(image.shape[:2]) // 4
    wide = Image.fromarray(np.pad(image, ((border, border), (border, border), (0, 0)), "edge"))
    angle = np.deg2rad(degrees)
    a, b = np.cos(angle) / scale, np.sin(angle) / scale
    y, x = (np.array(image.shape[:2]) - 1) / 2
    left, up = x + shift[1] + border, y + shift[0] + border
    # Pillow asks for the place in the source of each place in the result, from pixel corners.
    middle = (x + border + 0.5, y + border + 0.5)
    offsets = (
        middle[0] - a * (left + 0.5) - b * (up + 0.5),
        middle[1] + b * (left + 0.5) - a * (up + 0.5),
    )
    turned = wide.transform(
        wide.size,
        Image.Transform.AFFINE,
        (a, b, offsets[0], -b, a, offsets[1]),
        Image.Resampling.BILINEAR,
    )
    return np.asarray(turned)[border:-border, border:-border]


def recoloured(image, random):
    """Returns the image with brightness, contrast and each colour changed by up to a fifth."""
    x = image.astype(float)
    x = (x - x.mean()) * random.uniform(0.8, 1.2) + x.mean()
    x = x * random.uniform(0.8, 1.2) * random.uniform(0.9, 1.1, 3)
    return np.clip(np.round(x), 0, 255).astype(np.uint8)


def blurred(image, radius):
    """Returns the image after a Gaussian blur."""
    return np.asarray(Image.fromarray(image).filter(ImageFilter.GaussianBlur(radius)))


def kinds(random):
    """Returns {name: function from an image of 32 x 32 pixels to a changed copy of it}."""

    def sign():
        return random.choice([-1, 1])

    def shift():
        return random.permutation([random.integers(1, 3), random.integers(0, 3)]) * [sign(), sign()]

    def everything(image):
        change = {"scale": random.uniform(0.93, 1.08), "shift": random.uniform(-1.5, 1.5, 2)}
        return as_jpeg(recoloured(moved(image, **change), random), int(random.integers(60, 91)))

    return {
        "JPEG, quality 50 to 90": lambda x: as_jpeg(x, int(random.integers(50, 91))),
        "shifted by 1 or 2 pixels": lambda x: as_jpeg(moved(x, shift=shift()), 90),
        "scaled by 4 to 10 %": lambda x: as_jpeg(
            moved(x, scale=1 + sign() * random.uniform(0.04, 0.1)), 90
        ),
        "brightness, contrast, colours by 20 %": lambda x: as_jpeg(recoloured(x, random), 90),
        "blurred by 0.5 to 1 pixel": lambda x: as_jpeg(blurred(x, random.uniform(0.5, 1)), 90),
        "turned by 1 to 4 degrees": lambda x: as_jpeg(
            moved(x, degrees=sign() * random.uniform(1, 4)), 90
        ),
        "shifted, scaled, recoloured and compressed": everything,
        "mirrored": lambda x: as_jpeg(np.ascontiguousarray(x[:, ::-1]), 90),
    }


def on_page(digit, *, height=280, width=400, at=(100, 150)):
    """Returns a white page, (height, width, 3), with a digit of white on black drawn in black."""
    page = np.full((height, width, 3), 255, np.uint8)
    page[at[0] : at[0] + len(digit), at[1] : at[1] + len(digit[0])] -= digit[..., None]
    return page
