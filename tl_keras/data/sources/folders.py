"""Folders of images: a sub-folder for each class, with or without train, val and test."""

import collections
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tl_keras.checks import InputError, listed
from tl_keras.data.dataset import ImageDataset
from tl_keras.data.images import IMAGE_SUFFIXES, printable
from tl_keras.data.sounds.waves import SOUND_SUFFIXES

LAYOUT = (
    "Lay the images out as FOLDER/CLASS/IMAGE, or as FOLDER/train/CLASS/IMAGE with val and "
    "test folders beside train"
)
_SPLIT_OF_FOLDER = {
    "train": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
}


@dataclass
class FolderContents:
    """Images and other files found in a folder.

    Attributes:
        parts: {"all": dataset}, or {"train": dataset} with "val", "test", or both.
        ignored: files whose suffix is not that of an image, and links back to a folder above.
        notes: lines on images that are ignored because they belong to no split or class.
        suffixes: those of the files that are read.
        contents: {path: hash of the pixels that an image was labelled with}; other pixels are
            refused like a file that cannot be read.
    """

    parts: dict = field(default_factory=dict)
    ignored: list = field(default_factory=list)
    notes: list = field(default_factory=list)
    suffixes: frozenset[str] = IMAGE_SUFFIXES
    contents: dict = field(default_factory=dict)


def read_folder(
    folder: str | Path,
    *,
    require_labels: bool = True,
    suffixes: frozenset[str] = IMAGE_SUFFIXES,
) -> FolderContents:
    """Finds the images of a folder without opening any of them.

    Names are sorted, and hidden files and folders are skipped. Folders inside a class folder and
    symbolic links are followed. Images directly in the folder form a dataset without labels. A
    train, val or test folder is a split if it holds folders, and a class if it holds images.

    Args:
        folder: path of the folder.
        require_labels: whether at least two classes are required.
        suffixes: those of the files that are read, in lower case. Defaults to those of images.

    Returns:
        FolderContents.

    Raises:
        InputError: the layout is not one of these, a class is empty, two have the same name once it
            is printable, or the splits' classes differ.
    """
    folder = os.fspath(folder)
    contents = FolderContents(suffixes=suffixes)
    splits = _split_folders(folder, suffixes)
    for split, part in splits.items():
        contents.parts[split] = _read_part(part, split, folder, require_labels, contents)
    if "all" not in splits:
        siblings = [path for path in _listing(folder) if path not in splits.values()]
        _leave_out(siblings, f"{', '.join(splits)} in {printable(folder)}", contents)
    _check_same_classes(contents.parts, folder)
    return contents


def find_image_files(
    folder: str | Path,
    ignored: list[str],
    visited: Sequence[str] = (),
    suffixes: frozenset[str] = IMAGE_SUFFIXES,
) -> list[str]:
    """Returns the sorted paths of all images below a folder, in any layout.

    Args:
        folder: path of the folder.
        ignored: list to which the paths of other files are added.
        visited: folders that are not entered again, so that a link back to them ends.
        suffixes: those of the files that are read, in lower case. Defaults to those of images.
    """
    images = []
    _collect(folder, images, ignored, {_identity(path) for path in visited}, suffixes)
    return images


def labels_by_folder(
    paths: Sequence[str], folder: str | Path
) -> tuple[np.ndarray, tuple[str, ...]] | tuple[None, tuple[()]]:
    """Returns labels given by the first folder on the way from `folder` to each image.

    Args:
        paths: paths of images below `folder`.
        folder: path. Its train, val and test folders are skipped if they hold folders.

    Returns:
        (int32 (n,), names), or (None, ()) if an image is in no folder or all images are in one.
    """
    ways = [os.path.relpath(path, folder).split(os.sep)[:-1] for path in paths]
    are_classes = _are_classes(ways)
    names = [_first_folder(way, are_classes) for way in ways]
    if None in names or len(set(names)) < 2:
        return None, ()
    classes = sorted(set(names))
    numbers = {name: number for number, name in enumerate(classes)}
    labels = np.array([numbers[name] for name in names], np.int32)
    return labels, _different([printable(name) for name in classes], folder)


def _are_classes(ways):
    """Returns whether folders named like splits are classes, given the folders of each image."""
    named = [way for way in ways if way and _split_name(way[0])]
    others = any(way and not _split_name(way[0]) for way in ways)
    return others and all(len(way) == 1 for way in named)


def _first_folder(way, are_classes):
    folders = way[1:] if way and _split_name(way[0]) and not are_classes else way
    return folders[0] if folders else None


def _split_name(path):
    """Returns the split that a folder of this name holds, or None."""
    return _SPLIT_OF_FOLDER.get(os.path.basename(path).lower())


def _split_folders(folder, suffixes):
    """Returns {split: path}, train first, or {"all": folder} if the folders are classes."""
    folders = _folders(folder)
    named = [path for path in folders if _split_name(path)]
    if not named or (not _hold_folders(named, suffixes) and len(named) < len(folders)):
        return {"all": folder}
    return _by_split(named, folder)


def _hold_folders(named, suffixes):
    """Returns whether folders named like splits hold folders; refuses a mixture."""
    nested = [path for path in named if _folders(path)]
    flat = [path for path in named if any(_has_suffix(file, suffixes) for file in _files(path))]
    for path in (path for path in flat if path in nested):
        if any(find_image_files(each, [], [path], suffixes) for each in _folders(path)):
            raise InputError(
                "Expected either folders of images or images in a folder named like a split, "
                f"{printable(path)}; received both. {LAYOUT}; rename it if it is a class."
            )
        nested.remove(path)
    if flat and nested:
        raise InputError(
            "Expected folders named like splits to be all splits, which hold class folders, "
            f"or all classes, which hold images; received folders in {printable(nested[0])} and "
            f"images directly in {printable(flat[0])}. {LAYOUT}; rename folders that are classes."
        )
    return bool(nested)


def _by_split(named, folder):
    found = {}
    for path in named:
        split = _split_name(path)
        if split in found:
            raise InputError(
                f"Expected one {split} folder in {printable(folder)}; received "
                f"{printable(found[split])} and {printable(path)}. Keep one of them."
            )
        found[split] = path
    if "train" not in found:
        raise InputError(
            f"Expected a train folder beside {', '.join(found)} in {printable(folder)}; received "
            f"none. {LAYOUT}; rename folders that are classes."
        )
    return {split: found[split] for split in ("train", "val", "test") if split in found}


def _read_part(folder, split, source, require_labels, contents):
    classes, loose, ignored = _folders(folder), _files(folder), contents.ignored
    if not classes:
        return _unlabelled(folder, loose, split, source, require_labels, contents)
    _leave_out(loose, f"class folders in {printable(folder)}", contents)
    if require_labels and len(classes) < 2:
        raise InputError(
            f"Expected at least two class folders in {printable(folder)}; received "
            f"{printable(os.path.basename(classes[0]))} alone. {LAYOUT}."
        )
    images, labels = [], []
    for label, path in enumerate(classes):
        found = find_image_files(path, ignored, [source, folder, *classes], contents.suffixes)
        if not found:
            raise InputError(
                f"Expected {_wanted(contents)} in class folder {printable(path)}; received "
                f"none{_other_kind(contents)}. Add some or remove the folder."
            )
        images += found
        labels += [label] * len(found)
    names = _different([printable(os.path.basename(path)) for path in classes], folder)
    return ImageDataset(tuple(images), np.array(labels, np.int32), names, split, source)


def _different(names, folder):
    """Returns the names of classes; refuses those that are the same once they are printable."""
    same = [name for name, count in collections.Counter(names).items() if count > 1]
    if same:
        raise InputError(
            f"Expected class folders in {printable(folder)} whose names differ on one line; "
            f"received two that are shown as {listed(same)}. Rename one."
        )
    return tuple(names)


def _unlabelled(folder, paths, split, source, require_labels, contents):
    images = [path for path in paths if _has_suffix(path, contents.suffixes)]
    contents.ignored.extend(path for path in paths if path not in images)
    if require_labels or not images:
        received = f"{len(images)} images and no folders" if images else "no images"
        raise InputError(
            f"Expected {'class folders' if require_labels else _wanted(contents)} "
            f"in {printable(folder)}; received {received}. {LAYOUT}."
        )
    return ImageDataset(tuple(images), split=split, source=source)


def _leave_out(paths, beside, contents):
    """Notes the images of files and folders beside those that are read."""
    total, named = 0, []
    for path in paths:
        is_folder = os.path.isdir(path)
        within = [path]
        if is_folder:
            within = find_image_files(path, contents.ignored, [path], contents.suffixes)
        images = [each for each in within if is_folder or _has_suffix(each, contents.suffixes)]
        if images:
            total += len(images)
            name = printable(os.path.basename(path))
            named.append(f"{name} ({len(images)})" if is_folder else name)
        elif not is_folder:
            contents.ignored.append(path)
    if named:
        contents.notes.append(f"{total} images beside {beside} are ignored: {listed(named)}.")


def _collect(folder, images, ignored, visited, suffixes):
    for path in _listing(folder):
        if not os.path.isdir(path):
            (images if _has_suffix(path, suffixes) else ignored).append(path)
        elif _identity(path) in visited:
            ignored.append(path)  # a symbolic link to a folder that is read anyway
        else:
            visited.add(_identity(path))
            _collect(path, images, ignored, visited, suffixes)


def _check_same_classes(parts, folder):
    train = next(iter(parts.values())).class_names
    for split, part in parts.items():
        names = part.class_names
        if set(names) != set(train):
            only_train = ", ".join(name for name in train if name not in names)
            only_part = ", ".join(name for name in names if name not in train)
            raise InputError(
                f"Expected the same class folders in train and {split} of {printable(folder)}; "
                f"received only in train: {only_train or 'none'}; only in {split}: "
                f"{only_part or 'none'}."
            )


def _listing(folder):
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        raise InputError(
            f"Expected a folder that can be read; received {printable(folder)}: {error.strerror}."
        ) from error
    return [os.path.join(folder, name) for name in names if not name.startswith(".")]


def _folders(folder):
    return [path for path in _listing(folder) if os.path.isdir(path)]


def _files(folder):
    return [path for path in _listing(folder) if not os.path.isdir(path)]


def _identity(path):
    status = os.stat(path)
    return status.st_dev, status.st_ino


def _has_suffix(path, suffixes):
    return os.path.splitext(path)[1].lower() in suffixes


def _wanted(contents):
    what = "images" if contents.suffixes is IMAGE_SUFFIXES else "sounds"
    return f"{what} ({', '.join(sorted(contents.suffixes))})"


def _other_kind(contents):
    """Returns advice if there are sounds where images are wanted."""
    if contents.suffixes is not IMAGE_SUFFIXES:
        return ""
    sounds = sum(_has_suffix(path, SOUND_SUFFIXES) for path in contents.ignored)
    return f" but {sounds} sounds, which `tl-keras train --kind audio` takes" if sounds else ""
