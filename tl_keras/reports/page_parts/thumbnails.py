"""Small images for a page."""

import base64
import io

import numpy as np
from PIL import Image

from tl_keras.checks import InputError, check_number


def thumbnail(image: np.ndarray, size: int = 112) -> np.ndarray:
    """Returns an image whose longer side has `size` pixels.

    Large images are averaged down. Small ones, like 8x8 digits, are enlarged without smoothing, so
    that the page shows the pixels that the model received.

    Args:
        image: uint8 (h, w, 3), (h, w, 1) or (h, w), 0-255.
        size: longer side in pixels. Defaults to 112.

    Returns:
        uint8 (h, w, 3).

    Raises:
        InputError: `image` is not an image array.
    """
    check_number("size", size, minimum=1, integer=True)
    pil_image = _as_pil(image)
    scale = size / max(pil_image.size)
    # A very long strip would round to zero pixels.
    target = [max(1, round(side * scale)) for side in pil_image.size]
    smooth = Image.Resampling.NEAREST if scale > 1 else Image.Resampling.LANCZOS
    return np.asarray(pil_image.resize(target, smooth))


def data_uri(image: np.ndarray) -> str:
    """Returns an image as text for an HTML page, PNG or JPEG, whichever is shorter.

    Args:
        image: uint8 (h, w, 3), (h, w, 1) or (h, w), 0-255.

    Raises:
        InputError: `image` is not an image array.
    """
    pil_image = _as_pil(image)
    encoded = {"png": _encode(pil_image, "PNG", optimize=True)}
    encoded["jpeg"] = _encode(pil_image, "JPEG", quality=88)
    kind = min(encoded, key=lambda name: len(encoded[name]))
    return _uri(kind, encoded[kind])


def png_uri(png: bytes) -> str:
    """Returns the bytes of a PNG file as text for an HTML page."""
    return _uri("png", png)


def wave_uri(wave: bytes) -> str:
    """Returns the bytes of a WAV file as text for an HTML page."""
    return _uri("wav", wave, "audio")


def png_width(png: bytes) -> int:
    """Returns the width in pixels of a PNG file, given its bytes."""
    return Image.open(io.BytesIO(png)).width


def _uri(kind, content, family="image"):
    return f"data:{family}/{kind};base64,{base64.b64encode(content).decode('ascii')}"


def _encode(pil_image, kind, **options):
    stream = io.BytesIO()
    pil_image.save(stream, kind, **options)
    return stream.getvalue()


def _as_pil(image):
    image = np.asarray(image)
    flat = image[..., 0] if image.ndim == 3 and image.shape[-1] == 1 else image
    gray, colour = flat.ndim == 2, flat.ndim == 3 and flat.shape[-1] == 3
    if image.dtype != np.uint8 or not (gray or colour) or not flat.size:
        raise InputError(
            "Expected an image as uint8 (height, width, 3) or (height, width), 0-255; received "
            f"{image.dtype} {image.shape}."
        )
    return Image.fromarray(np.ascontiguousarray(flat)).convert("RGB")
