"""Signals during a fit: the first one ends it at the next batch, a second one at once."""

import contextlib
import os
import signal
import threading
from collections.abc import Iterator

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopRequest:
    """Signal that asks a fit to stop.

    Attributes:
        number: of the signal; None until one comes.
    """

    def __init__(self) -> None:
        self.number: int | None = None
        self._handlers: dict = {}

    @contextlib.contextmanager
    def listening(self) -> Iterator["StopRequest"]:
        """Takes signals within the block in place of their handlers, which `stop` calls later."""
        if threading.current_thread() is threading.main_thread():
            handlers = {number: signal.getsignal(number) for number in _SIGNALS}
            self._handlers = {n: handler for n, handler in handlers.items() if callable(handler)}
        for number in self._handlers:
            signal.signal(number, self._take)
        try:
            yield self
        finally:
            for number, handler in self._handlers.items():
                signal.signal(number, handler)

    def stop(self) -> None:
        """Does what the signal would have done without `listening`."""
        handler = self._handlers[self.number]
        signal.signal(self.number, handler)
        handler(self.number, None)

    def _take(self, number, _):
        if self.number is not None:
            os._exit(128 + number)
        self.number = number
        # Not by `say`, which may be printing a line when the signal comes.
        os.write(2, b"Stopping at the next batch; a second signal ends at once.\n")
