"""Refusal of requests without the token, or from another site."""

import hmac
from collections.abc import Callable, Iterable
from typing import Any

from werkzeug.wrappers import Response

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data: blob:; media-src blob:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",  # with no-referrer, browsers send "Origin: null"
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


class Guard:
    """WSGI application around another, whose paths lie below the token: /TOKEN/path.

    Another site cannot know the token. Host and Origin are checked too, so that a name that was
    pointed at this machine (DNS rebinding) reaches nothing.

    Args:
        inside: WSGI application.
        token: secret of letters and digits.
    """

    def __init__(self, inside: Callable, token: str) -> None:
        self.inside, self.token = inside, token

    def __call__(self, environ: dict[str, Any], start_response: Callable) -> Iterable[bytes]:
        """Answers a request."""

        def start(status, headers, *error):
            return start_response(status, [*headers, *_HEADERS.items()], *error)

        first, slash, rest = environ.get("PATH_INFO", "")[1:].partition("/")
        refused = _other_site(environ) or self._other_token(first)
        if refused:
            return Response(f"{refused}\n", 403, mimetype="text/plain")(environ, start)
        if not slash:
            return Response(status=308, headers={"Location": f"/{first}/"})(environ, start)
        below = {"SCRIPT_NAME": f"/{first}", "PATH_INFO": f"/{rest}"}
        return self.inside(environ | below, start)

    def _other_token(self, given):
        if hmac.compare_digest(given.encode("utf-8", "replace"), self.token.encode()):
            return None
        return "Expected the address that the command printed, with its token."


def _other_site(environ):
    """Returns why a request does not come from the page itself, or None."""
    port = environ["SERVER_PORT"]  # the port that is listened on, whatever the request says
    hosts = [f"127.0.0.1:{port}", f"localhost:{port}"]
    hosts += [host.removesuffix(":80") for host in hosts]  # browsers leave it out
    host = environ.get("HTTP_HOST", "")
    if host not in hosts:
        return f"Expected a request to {hosts[0]}; received one to another host."
    if environ.get("HTTP_ORIGIN", f"http://{host}") != f"http://{host}":
        return "Expected a request of this page; received one of another site."
    if environ.get("HTTP_SEC_FETCH_SITE", "none") not in ("none", "same-origin"):
        return "Expected a request of this page; received one of another site."
    return None
