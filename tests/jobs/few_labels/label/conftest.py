"""A running command, ended with the test."""

import re
import subprocess
import sys

import pytest


@pytest.fixture
def begin():
    """Function that starts `tl-keras label` on a folder; returns (process, address of the page)."""
    servers = []

    def start(folder):
        words = [sys.executable, "-m", "tl_keras", "label", folder, "--backbone", "pixels"]
        server = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
        servers.append(server)
        while not (found := re.search(r"http://127\.0\.0\.1:\d+/\S+/", server.stderr.readline())):
            assert server.poll() is None
        return server, found[0]

    yield start
    for server in servers:
        server.kill()
        server.wait()
        server.stderr.close()
