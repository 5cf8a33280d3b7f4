"""Images whose files changed or disappeared since they were read."""

import os

from tl_keras.data.dataset import ImageDataset
from tl_keras.data.images import ImageReadError
from tl_keras.data.inspection.fingerprints import content_of


class WatchedFiles:
    """Files of images, with what they held when the features were computed.

    Args:
        images: `ImageDataset` of files.
        contents: hash of the pixels of each.

    Attributes:
        trouble: {row: words on an image that changed or is gone}.
    """

    def __init__(self, images: ImageDataset, contents: list[bytes]) -> None:
        self.images, self.contents = images, contents
        self.trouble: dict[int, str] = {}
        self._states = [_state(path) for path in images.images]

    def is_there(self, row: int) -> bool:
        """Returns whether the file still holds the image; if not, `trouble` says why."""
        state = _state(self.images.images[row])
        if state is None or state != self._states[row]:
            words = _difference(self.images, row, self.contents[row])
            if words:
                self.trouble[row] = words
                return False
            self._states[row] = state  # saved again with the same pixels
        self.trouble.pop(row, None)
        return True


def _state(path):
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns, found.st_ino


def _difference(images, row, content):
    try:
        return "" if content_of(images, row) == content else "it has changed"
    except ImageReadError as error:
        return error.reason
