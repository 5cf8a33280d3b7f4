"""Pages in one HTML file: no script, no network, names escaped, images inlined."""

from pathlib import Path

import jinja2

from tl_keras import __version__
from tl_keras.files import replacing, write_text
from tl_keras.reports.figures.style import DPI, render_png
from tl_keras.reports.pages.thumbnails import data_uri, png_uri, png_width, thumbnail
from tl_keras.reports.pages.wording import format_duration, format_percent


def write_page(path, template, **values):
    """Renders a template of this package to one HTML file, written completely or not at all.

    Args:
        path: file to write.
        template: name of a file in `reports/templates/` that extends `base.html.j2`.
        **values: variables of the template. Texts are escaped, so any text is safe.

    Raises:
        InputError: the file cannot be written.
    """
    page = _environment().get_template(template).render(version=__version__, **values)
    write_text(path, page)


def write_figures(folder, figures):
    """Saves figures as PNG files, each completely or not at all, and renders each once.

    Args:
        folder: folder of the files, created if missing.
        figures: dict of name and matplotlib Figure; the file is NAME.png.

    Returns:
        dict of name and the bytes of its PNG file, e.g. to inline in a page.

    Raises:
        InputError: a file cannot be written.
    """
    rendered = {name: render_png(figure) for name, figure in figures.items()}
    for name, png in rendered.items():
        with replacing(Path(folder) / f"{name}.png") as temporary:
            temporary.write_bytes(png)
    return rendered


def _environment():
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parents[1] / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "duration": format_duration,
        "percent": format_percent,
        "png_uri": png_uri,
        # Browsers show 96 pixels per inch, so text has one size in all figures.
        "display_width": lambda png: round(png_width(png) * 96 / DPI),
        "image_uri": data_uri,
        "thumbnail_uri": lambda image: data_uri(thumbnail(image)),
    }
    return environment
