"""Groups of similar images, from which many are labelled at once."""

from collections.abc import Container

from tl_keras.checks import InputError
from tl_keras.evaluation.encoders.groups import Groups


class ImageGroups:
    """Groups and their parts by name: "2" is the second group and "2.1" the first part of it.

    Args:
        groups: `Groups` of the images.
    """

    def __init__(self, groups: Groups) -> None:
        self._groups: list[str] = []
        self._rows: dict[str, list[int]] = {}
        for number in range(len(groups.clusters.centres)):  # the largest first
            name, parts = str(number + 1), groups.members_of_parts(number)
            self._groups.append(name)
            self._rows[name] = groups.clusters.members(number).tolist()
            if len(parts) > 1:
                named = enumerate(parts, 1)
                self._rows |= {f"{name}.{place}": rows.tolist() for place, rows in named}

    def rows(self, name: object) -> list[int]:
        """Returns the images of a group or of a part, the nearest to its centre first.

        Raises:
            InputError: there is no group of this name.
        """
        if not isinstance(name, str) or name not in self._rows:
            raise InputError(f"Expected a group from 1 to {len(self._groups)}; received {name!r}.")
        return self._rows[name]

    def neediest(self, labels: Container[int]) -> str:
        """Returns the group with the fewest labels among those that lack some, the largest first.

        Args:
            labels: images with a label.
        """
        left = {name: self._left(name, labels) for name in self._groups}
        open_groups = [name for name in self._groups if left[name]] or self._groups
        return min(open_groups, key=lambda name: len(self._rows[name]) - left[name])

    def overview(self, labels: Container[int]) -> list[dict]:
        """Returns {"name", "left"} of each group and part, "left" the images without a label."""
        return [{"name": name, "left": self._left(name, labels)} for name in self._rows]

    def _left(self, name, labels):
        return sum(row not in labels for row in self._rows[name])
