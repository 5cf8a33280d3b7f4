"""Pages in one HTML file: no script, no network, names escaped, images inlined."""

import io
from pathlib import Path

import jinja2
from PIL import Image

from tl_keras import __version__
from tl_keras.files import replacing, write_text
from tl_keras.reports.page_parts.sections import Figure, Page
from tl_keras.reports.page_parts.thumbnails import data_uri, thumbnail, wave_uri

TEMPLATES = Path(__file__).parents[1] / "templates"


def write_page(path: str | Path, page: Page) -> Path:
    """Writes a page as one self-contained file, and its figures into `figures/` beside it.

    Args:
        path: HTML file. Each file is written completely or not at all, the page last.
        page: `Page`. Texts are escaped, so any text is safe.

    Returns:
        Path of the written page.

    Raises:
        InputError: a file cannot be written.
    """
    path = Path(path)
    for section in page.all_sections:
        for figure in section.parts:
            if isinstance(figure, Figure):
                name = figure.name or section.name
                with replacing(path.parent / "figures" / f"{name}.png") as temporary:
                    temporary.write_bytes(_png(figure.drawing))
    template = page_environment().get_template("page.html.j2")
    write_text(path, template.render(version=__version__, page=page))
    return path


def _png(drawing):
    if isinstance(drawing, bytes):
        return drawing
    stream = io.BytesIO()
    Image.fromarray(drawing).save(stream, "PNG")
    return stream.getvalue()


def page_environment() -> jinja2.Environment:
    """Returns the environment of all templates, which escapes every text."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["thumbnail_uri"] = lambda image: data_uri(thumbnail(image))
    environment.filters["wave_uri"] = wave_uri
    environment.filters["kind"] = lambda part: type(part).__name__.lower()
    return environment
