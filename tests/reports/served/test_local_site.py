"""A local site answers its own page and nobody else, and serves images by number only."""

import builtins
import io
import re
import signal
import socket
import threading
import urllib.request

import numpy as np
import pytest
from PIL import Image

from tl_keras.checks import InputError
from tl_keras.data.dataset import ImageDataset
from tl_keras.reports.served.local_site import add_action, local_site
from tl_keras.reports.served.serving import serve

HOSTILE = '</title><script>alert("1")</script>'
BASE = "http://127.0.0.1:5000"


def images_in(folder):
    """Three images with ugly names; the last file is no image."""
    names = ["<b>&\n.png", "wide.png", "text.png"]
    for name, shape in zip(names, [(6, 4, 3), (20, 2000, 3)], strict=False):
        Image.fromarray(np.full(shape, 200, np.uint8)).save(folder / name)
    (folder / "text.png").write_text("no image")
    return ImageDataset(tuple(str(folder / name) for name in names), source=str(folder))


@pytest.fixture
def site(tmp_path):
    app = local_site("label", HOSTILE, images_in(tmp_path), {"file": HOSTILE})
    add_action(app, "twice", lambda content: {"number": 2 * int(content["number"])})
    return app


def get(app, path="", **options):
    return app.test_client().get(f"/{app.token}/{path}", base_url=BASE, **options)


def test_page_escapes_its_title_and_allows_only_its_own_scripts(site):
    page = get(site)
    assert page.status_code == 200
    assert HOSTILE not in page.text and "&lt;/title&gt;&lt;script&gt;" in page.text
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "script-src 'self'" in policy
    assert "unsafe" not in policy and page.headers["Cache-Control"] == "no-store"
    assert not re.search(r"<[^>]*\s(on\w+|style)\s*=", page.text)  # the policy would block it
    for asset in ("style.css", "served.css", "served.js", "label.js"):
        assert get(site, asset).status_code == 200


@pytest.mark.fault(56)
@pytest.mark.parametrize(
    "path",
    ["/", "/image/0", "/label.js", "/wrong/", "/wrong/image/0", "/%00/", "/é/image/0", "//image/0"],
)
def test_without_the_token_nothing_is_served(site, path):
    answer = site.test_client().get(path, base_url=BASE)
    assert answer.status_code == 403 and "token" in answer.text
    assert site.test_client().post(path, base_url=BASE, json={}).status_code == 403


@pytest.mark.fault(56)
@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1:5001"},
        {"Host": "127.0.0.1"},
        {"Host": "127.0.0.1:5000.evil.example"},
        {"Origin": "http://evil.example"},
        {"Origin": "http://127.0.0.1:5001"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_another_host_or_site_is_refused(site, headers):
    assert get(site, "image/0", headers=headers).status_code == 403
    client, address = site.test_client(), f"/{site.token}/twice"
    sent = client.post(address, base_url=BASE, json={"number": 1}, headers=headers)
    assert sent.status_code == 403 and "Content-Security-Policy" in sent.headers


def test_the_page_itself_is_answered_under_both_names_of_this_machine(site):
    for host in ("127.0.0.1:5000", "localhost:5000"):
        headers = {"Host": host, "Origin": f"http://{host}", "Sec-Fetch-Site": "same-origin"}
        assert get(site, "image/0", headers=headers).status_code == 200


def test_port_80_is_left_out_of_the_address_by_browsers(site):
    for host in ("127.0.0.1", "localhost"):
        sent = {"Host": host, "Origin": f"http://{host}", "Sec-Fetch-Site": "same-origin"}
        path = f"/{site.token}/image/0"
        answer = site.test_client().get(path, base_url="http://127.0.0.1", headers=sent)
        assert answer.status_code == 200
    for headers in ({"Host": "evil.example"}, {"Origin": "http://evil.example"}):
        answer = site.test_client().get(path, base_url="http://127.0.0.1", headers=headers)
        assert answer.status_code == 403


@pytest.mark.parametrize(
    "path",
    [
        "image/3",
        "image/-1",
        "image/../image/0",
        "image/../../../../etc/passwd",
        "image/%2e%2e%2fwide.png",
        "image/wide.png",
        "../label.html.j2",
        "served.html.j2",
        "label.html.j2",
        "original/0",
    ],
)
def test_nothing_but_images_by_number_is_served(site, path):
    answer = get(site, path)
    assert answer.status_code in (403, 404) and answer.mimetype != "image/png"


def test_images_are_those_of_the_decoder_in_the_size_of_the_page(site):
    for kind, side in {"thumbnail": 160, "image": 720}.items():
        small, wide = (get(site, f"{kind}/{row}") for row in (0, 1))
        assert (small.mimetype, wide.mimetype) == ("image/png", "image/jpeg")
        assert max(Image.open(io.BytesIO(small.data)).size) == side
        assert Image.open(io.BytesIO(wide.data)).size[0] == side
    pixels = np.asarray(Image.open(io.BytesIO(get(site, "image/0").data)))
    assert (pixels == 200).all()


def test_what_goes_wrong_is_one_line_of_json(site):
    bad = get(site, "image/2")
    assert bad.status_code == 400 and "text.png" in bad.json["error"]
    assert "error" in get(site, "nothing").json
    client, address = site.test_client(), f"/{site.token}/twice"
    assert client.post(address, base_url=BASE, json={"number": 4}).json == {"number": 8}
    for sent in ({"json": [1]}, {"data": "no json", "content_type": "application/json"}):
        answer = client.post(address, base_url=BASE, **sent)
        assert answer.status_code == 400 and answer.json["error"]
    assert client.get(address, base_url=BASE).status_code == 405


def test_address_without_its_last_slash_leads_to_the_page(site):
    answer = site.test_client().get(f"/{site.token}", base_url=BASE)
    assert answer.status_code == 308 and answer.headers["Location"] == f"/{site.token}/"


def test_each_site_has_a_token_of_its_own(site, tmp_path):
    other = local_site("label", "title", values={"file": ""})
    assert other.token != site.token and len(site.token) >= 32
    assert get(other, "image/0").status_code == 404


@pytest.mark.fault(57)
def test_without_flask_the_error_names_the_extra(monkeypatch):
    real = builtins.__import__

    def without(name, *args, **options):
        if name.split(".")[0] == "flask":
            raise ImportError("No module named 'flask'")
        return real(name, *args, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(InputError, match=r'Flask.*pip install "tl-keras\[label\]"'):
        local_site("label", "title")


@pytest.fixture
def ctrl_c():
    """Makes Ctrl-C stop the process, which pytest-xdist has its workers ignore."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
def test_it_listens_on_loopback_until_it_is_stopped(site, capsys, monkeypatch):
    found = {}

    def visit(address):
        try:
            found["page"] = urllib.request.urlopen(address, timeout=10).read()
        finally:
            signal.raise_signal(signal.SIGINT)

    said = "tl_keras.reports.served.serving.say"
    visitor = lambda line: threading.Thread(target=visit, args=[line.split()[1]]).start()  # noqa: E731
    monkeypatch.setattr(said, visitor)
    serve(site)
    assert b"<h1>" in found["page"]
    assert "GET" not in capsys.readouterr().err  # no line for each request


@pytest.mark.fault(57)
def test_a_port_that_is_taken_is_refused(site):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=f"free port.*{port}.*--port"):
            serve(site, port)
