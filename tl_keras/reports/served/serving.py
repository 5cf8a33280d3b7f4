"""Listening on loopback until the command is stopped."""

import socket
from typing import TYPE_CHECKING

from tl_keras.checks import InputError
from tl_keras.progress import say

if TYPE_CHECKING:
    import flask

_LOOPBACK = "127.0.0.1"


def serve(app: "flask.Flask", port: int | None = None) -> None:
    """Serves a `local_site` to browsers on this machine until Ctrl-C or SIGTERM.

    Args:
        app: application of `local_site`.
        port: port on 127.0.0.1. Default None: any free one.

    Raises:
        InputError: the port is taken.
    """
    from werkzeug.serving import WSGIRequestHandler, make_server

    class _Quiet(WSGIRequestHandler):
        """Handler that prints no line for each request."""

        def log_request(self, *args):
            pass

    with _listening(port or 0) as listener:
        options = {"threaded": True, "request_handler": _Quiet, "fd": listener.fileno()}
        server = make_server(_LOOPBACK, 0, app, **options)
    say(f"Open {site_address(app, server.port)} in a browser on this machine. Ctrl-C ends it.")
    server.serve_forever()


def site_address(app: "flask.Flask", port: int) -> str:
    """Returns the address of the page, with its token."""
    return f"http://{_LOOPBACK}:{port}/{app.token}/"


def _listening(port):
    try:
        return socket.create_server((_LOOPBACK, port))
    except OSError as error:
        raise InputError(
            f"Expected a free port on {_LOOPBACK}; received {port} ({error.strerror}). Give "
            "another --port, or leave it out for any free one."
        ) from error
