"""Headless Chromium, driven through a pipe by the DevTools protocol."""

import base64
import itertools
import json
import os
import shutil
import subprocess
import tempfile
import time

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
_KEYS = {"Enter": 13, "Escape": 27, "Backspace": 8, "Tab": 9}
_PATIENCE = 60  # seconds


class Browser:
    """A browser with one page; use it as a context manager."""

    def __init__(self, width=1280, height=900):
        self._numbers, self._buffer = itertools.count(1), b""
        self.errors = []  # messages of the console and exceptions of scripts
        self._size = f"{width},{height}"

    def __enter__(self):
        self._profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        read_there, self._write = os.pipe()
        self._read, write_there = os.pipe()
        options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe"]
        options += [f"--user-data-dir={self._profile.name}", f"--window-size={self._size}"]
        options += ["--no-first-run", "--disable-extensions", "--disable-dev-shm-usage"]
        command = 'exec 3<&"$1" 4>&"$2"; shift 2; exec "$@"'
        there = [str(read_there), str(write_there)]
        self._process = subprocess.Popen(
            ["bash", "-c", command, "bash", *there, CHROMIUM, *options, "about:blank"],
            pass_fds=(read_there, write_there),
            stderr=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        os.close(read_there)
        os.close(write_there)
        self._session = None
        target = self._first_page()
        self._session = self.send("Target.attachToTarget", targetId=target, flatten=True)[
            "sessionId"
        ]
        for domain in ("Page", "Runtime", "Log"):
            self.send(f"{domain}.enable")
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()
        os.close(self._write)
        os.close(self._read)
        self._profile.cleanup()

    def send(self, method, **parameters):
        """Sends a command of the protocol and returns its result."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            found = self._message()
            if found.get("id") == number:
                if "error" in found:
                    raise RuntimeError(f"{method}: {found['error']['message']}")
                return found["result"]
            self._note(found)

    def open(self, address):
        """Opens an address and waits until it is loaded."""
        self.send("Page.navigate", url=address)
        self.wait("document.readyState === 'complete' && location.href !== 'about:blank'")

    def evaluate(self, script):
        """Returns the value of a JavaScript expression of the page."""
        found = self.send(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in found:
            raise RuntimeError(found["exceptionDetails"]["exception"]["description"])
        return found["result"].get("value")

    def wait(self, script):
        """Waits until an expression is true."""
        end = time.monotonic() + _PATIENCE
        while not self.evaluate(script):
            if time.monotonic() > end:
                raise TimeoutError(f"never true: {script}")
            time.sleep(0.02)

    def press(self, key, modifiers=0):
        """Presses a key, such as "1" or "Enter"."""
        text = {"text": "\r"} if key == "Enter" else {}
        text = {"text": key} if len(key) == 1 and not modifiers else text
        code = _KEYS.get(key) or ord(key.upper())
        options = {"key": key, "windowsVirtualKeyCode": code, "modifiers": modifiers}
        self.send("Input.dispatchKeyEvent", type="keyDown", **options, **text)
        self.send("Input.dispatchKeyEvent", type="keyUp", **options)

    def type(self, words):
        """Types letters one by one."""
        for letter in words:
            self.send("Input.insertText", text=letter)

    def screenshot(self, path):
        """Writes what is seen as a PNG file."""
        data = self.send("Page.captureScreenshot", format="png")["data"]
        with open(path, "wb") as file:
            file.write(base64.b64decode(data))

    def _first_page(self):
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end:
            for target in self.send("Target.getTargets")["targetInfos"]:
                if target["type"] == "page":
                    return target["targetId"]
            time.sleep(0.05)
        raise TimeoutError("the browser opened no page")

    def _message(self):
        while b"\0" not in self._buffer:
            data = os.read(self._read, 2**20)
            if not data:
                raise RuntimeError("the browser has ended")
            self._buffer += data
        message, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(message)

    def _note(self, event):
        if event.get("method") == "Runtime.exceptionThrown":
            self.errors.append(event["params"]["exceptionDetails"]["exception"]["description"])
        if event.get("method") == "Log.entryAdded" and event["params"]["entry"]["level"] == "error":
            self.errors.append(event["params"]["entry"]["text"])
