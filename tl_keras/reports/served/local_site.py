"""A page, its script and the images of a data set, as a Flask application."""

import functools
import secrets
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from tl_keras import __version__
from tl_keras.checks import InputError
from tl_keras.data.dataset import ImageDataset
from tl_keras.reports.page_parts.html import TEMPLATES, page_environment
from tl_keras.reports.served.image_files import SIDES, image_reader

if TYPE_CHECKING:
    import flask

_LARGEST_REQUEST = 64 * 2**20  # bytes
_TYPES = {".js": "text/javascript", ".css": "text/css"}
_SHARED = ("style.css", "served/served.css", "served/served.js")


def local_site(
    name: str, title: str, images: ImageDataset | None = None, values: Mapping | None = None
) -> "flask.Flask":
    """Builds the site of a command, to which the command adds actions of its own.

    The page is the template `served/NAME.html.j2`, beside which its `NAME.js` lies, and a
    `NAME.css` if it needs one. Files of this machine are out of reach: images are served by their
    number in `images` (thumbnail/3, image/3).
    An error becomes {"error": message}, with status 400 if it is an `InputError`.

    Args:
        name: of the template and of its script.
        title: title of the page; any text.
        images: `ImageDataset` whose images may be seen. Default None: no images.
        values: what the template needs besides `title`.

    Returns:
        Flask application; `app.token` is the token below which its paths lie.

    Raises:
        InputError: Flask is not installed.
    """
    flask, guard = _flask()
    app = flask.Flask(f"tl_keras_{name}", static_folder=None, template_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = _LARGEST_REQUEST
    app.token = secrets.token_urlsafe(24)
    app.wsgi_app = guard(app.wsgi_app, app.token)
    page = page_environment().get_template(f"served/{name}.html.j2")
    assets = _assets(name)
    shown = {"title": title, "name": name, "version": __version__} | dict(values or {})
    shown["has_style"] = f"served/{name}.css" in assets
    app.add_url_rule("/", "page", lambda: page.render(shown))
    _add_assets(app, flask, assets)
    if images is not None:
        _add_images(app, flask, images)
    _add_errors(app)
    return app


def add_action(app: "flask.Flask", path: str, action: Callable[[dict], dict]) -> None:
    """Adds a path to which the page sends JSON, by `ask(path, content)`.

    Args:
        app: application of `local_site`.
        path: such as "answer".
        action: function from the JSON object that was sent to the one to answer with. Its
            `InputError` reaches the page as a message.
    """
    flask, _ = _flask()

    def view():
        content = flask.request.get_json()
        if not isinstance(content, dict):
            raise InputError(f"Expected a JSON object; received {type(content).__name__}.")
        return action(content)

    app.add_url_rule(f"/{path}", path, view, methods=["POST"])


def _flask():
    try:
        import flask

        from tl_keras.reports.served.guard import Guard
    except ImportError as error:
        raise InputError(
            f"Expected Flask, which this page is served with; received: {error}. Run: pip install "
            '"tl-keras[label]".'
        ) from error
    return flask, Guard


def _assets(name):
    """Returns the paths of styles and scripts below the templates."""
    style = f"served/{name}.css"
    return [*_SHARED, f"served/{name}.js", *([style] if (TEMPLATES / style).exists() else [])]


def _add_assets(app, flask, assets):
    """Adds routes to the styles and the scripts, by name; no other file is read."""
    for asset in assets:
        text = (TEMPLATES / asset).read_text(encoding="utf-8")
        kind = _TYPES[asset[asset.rindex(".") :]]
        view = functools.partial(flask.Response, text, mimetype=kind)
        app.add_url_rule(f"/{asset.removeprefix('served/')}", asset, view)


def _add_images(app, flask, images):
    read = image_reader(images)

    def view(row, kind):
        if row >= len(images):
            flask.abort(404, "There is no image of this number.")
        content, mimetype = read(row, kind)
        return flask.Response(content, mimetype=mimetype)

    for kind in SIDES:
        app.add_url_rule(f"/{kind}/<int:row>", kind, functools.partial(view, kind=kind))


def _add_errors(app):
    """Answers every error with {"error": one line}."""
    from werkzeug.exceptions import HTTPException

    @app.errorhandler(InputError)
    def _(error):
        return {"error": str(error)}, 400

    @app.errorhandler(HTTPException)
    def _(error):
        return {"error": error.description}, error.code
