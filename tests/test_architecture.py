"""The direction of flow, the size of the files and what an import may cost."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import tl_keras
from tl_keras.settings.methods import METHODS

PACKAGE = Path(tl_keras.__file__).parent
ORDER = ("settings", "data", "models", "training", "evaluation", "reports", "jobs", "cli")
BASE = ("checks", "files", "one_thread", "progress")
MODULES = sorted(PACKAGE.rglob("*.py"))


def _imports(tree, package):
    """Names below `package` that a module imports, those inside functions included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide where they point"
            # `from tl_keras import data` names the module in its aliases.
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from (n.removeprefix(f"{package}.") for n in names if n.startswith(f"{package}."))


def _rank(name):
    """Place in the flow: base modules are below all rooms."""
    room = name.split(".")[0]
    return -1 if room in BASE or room == "__version__" else ORDER.index(room)


def _wrong(name, imported):
    """Those of the imported names that module `name` may not import."""
    rank, is_base = _rank(name), name.split(".")[0] in BASE
    return [
        target for target in imported if _rank(target) > rank or (is_base and _rank(target) >= 0)
    ]


def _name(path):
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts)


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_imports_point_down_the_flow(path):
    name = _name(path)
    if name in ("__init__", "__main__"):
        return
    imported = list(_imports(ast.parse(path.read_text(encoding="utf-8")), "tl_keras"))
    assert not _wrong(name, imported), f"{name} imports what stands to its right"


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("data.images", "from tl_keras.models.backbones.backbone import build_backbone"),
        ("data.images", "def f():\n    import tl_keras.training.frozen.freezing"),
        ("checks", "from tl_keras.data import images"),
        ("files", "from tl_keras import settings"),
        ("settings.train", "from tl_keras.data.dataset import Splits"),
        ("jobs.train", "from tl_keras import cli"),
        (
            "training.freezing",
            "from tl_keras.evaluation.classifiers.prediction import predict_probabilities",
        ),
    ],
)
def test_check_finds_an_import_that_points_up(name, code):
    assert _wrong(name, _imports(ast.parse(code), "tl_keras"))


FOLDERS = sorted({path.parent for path in MODULES})


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_folders_hold_a_dozen_modules_at_most_and_name_each(folder):
    names = [path.stem for path in folder.glob("*.py") if path.stem not in ("__init__", "__main__")]
    assert len(names) <= 12
    if folder.parent not in (PACKAGE, PACKAGE.parent):  # a folder within a room
        tree = ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))
        assert len(tree.body) == 1, "it holds its docstring and nothing else"
        listed = [line.split(":")[0][2:] for line in ast.get_docstring(tree).splitlines()[2:]]
        assert [name for name in listed if name] and set(names) <= set(listed)


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_files_are_short_and_name_their_subject(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 500
    assert path.stem not in {"utils", "helpers", "common", "util", "misc"}


def _named(source):
    """Names of label-free methods that stand as texts of their own in a module."""
    nodes = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant))
    return [node.value for node in nodes if node.value in METHODS]


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_names_of_methods_stand_in_their_table_and_own_files_only(path):
    own = {row.model.split(":")[0] for row in METHODS.values()}
    name = f"tl_keras.{_name(path)}"
    if name != "tl_keras.settings.methods" and name not in own:
        assert not _named(path.read_text(encoding="utf-8")), "ask the row in settings.methods"


def test_a_branch_on_the_name_of_a_method_is_found():
    assert _named('if config.method == "simclr":\n    pass') == ["simclr"]
    assert _named('steps = {"vae": 1}') == ["vae"]
    assert not _named('raise ValueError("Use method simclr.")')


def test_import_and_help_load_no_tensorflow():
    code = """
import sys
import tl_keras, tl_keras.cli, tl_keras.settings.commands
sys.argv = ["tl-keras", "train", "--help"]
try:
    tl_keras.cli.main()
except SystemExit as stopped:
    assert not stopped.code
loaded = {name.split(".")[0] for name in sys.modules}
print("LOADED", sorted(loaded & {"tensorflow", "keras", "matplotlib", "sklearn", "h5py"}))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert "--backbone" in done.stdout
    assert done.stdout.splitlines()[-1] == "LOADED []"


@pytest.mark.parametrize("name", tl_keras.__all__)
def test_every_public_name_is_there(name):
    assert getattr(tl_keras, name) is not None
    assert name in dir(tl_keras)


def test_what_training_raises_and_warns_of_can_be_caught_by_public_names():
    assert tl_keras.DivergedError is tl_keras.checks.DivergedError
    assert issubclass(tl_keras.CollapseWarning, UserWarning)


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'tl_keras' has no attribute 'nothing'"):
        tl_keras.nothing  # noqa: B018


def test_public_names_are_where_the_table_says():
    for name, module in tl_keras._PUBLIC.items():
        assert getattr(tl_keras, name).__module__ == module, name
        assert hasattr(importlib.import_module(module), name)


def test_pages_are_written_by_one_function_from_one_template():
    templates = PACKAGE / "reports" / "templates"
    names = sorted(path.name for path in templates.iterdir())
    assert names == ["page.html.j2", "parts.html.j2", "served", "style.css"]
    users = [_name(p) for p in MODULES if "jinja2" in p.read_text(encoding="utf-8")]
    assert users == ["reports.page_parts.html"]


def test_a_served_page_is_a_template_with_its_script_in_the_one_frame():
    served = PACKAGE / "reports" / "templates" / "served"
    frame = {f"served.{kind}" for kind in ("html.j2", "js", "css")}
    names = {path.name for path in served.iterdir()}
    pages = sorted(name.removesuffix(".html.j2") for name in names - frame if ".html." in name)
    needed = {f"{page}.{kind}" for page in pages for kind in ("html.j2", "js")}
    assert frame | needed <= names <= frame | needed | {f"{page}.css" for page in pages}
    for page in pages:
        text = (served / f"{page}.html.j2").read_text(encoding="utf-8")
        assert '{% extends "served/served.html.j2" %}' in text and "<script" not in text
    users = [_name(p) for p in MODULES if "import flask" in p.read_text(encoding="utf-8")]
    assert all(user.startswith(("reports.served.", "jobs.")) for user in users)
