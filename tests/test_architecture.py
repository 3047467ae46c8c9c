"""The rooms: imports point downwards only, and every public name is where it is said to be."""

import ast
import importlib
import pkgutil
from pathlib import Path

import pytest

import soniox_ds
from soniox_ds import aio

ROOT = Path(soniox_ds.__file__).parent

# From the top to the bottom: a room may import itself and the rooms below it.
ROOMS = [
    {"cli"},
    {"demo"},
    {"reports"},
    {"widgets", "plots", "views"},
    {"aio", "_sync"},
    {"experiments"},
    {"live"},
    {"batch"},
    {"sources", "progress"},
    {"corpus"},
    {"review_queue"},
    {"metrics"},
    {"text"},
    {"api"},
    {"io"},
    {"options", "_background"},
    {"schema"},
    {"_forks"},
    {"_caller", "_display", "_renamed", "exceptions"},
]
LEVEL = {room: level for level, rooms in enumerate(ROOMS) for room in rooms}
OFFERS_THE_STAND_IN = {"cli", "demo"}


def modules():
    return sorted(path for path in ROOT.rglob("*.py"))


def room_of(path: Path) -> str:
    parts = path.relative_to(ROOT).parts
    return parts[0].removesuffix(".py")


def imported_rooms(path: Path) -> set[str]:
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            if node.module == "soniox_ds":
                rooms |= {alias.name for alias in node.names}
            elif node.module and node.module.startswith("soniox_ds."):
                rooms.add(node.module.split(".")[1])
        elif isinstance(node, ast.Import):
            rooms |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("soniox_ds.")}
    return rooms


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_downwards(path):
    room = room_of(path)
    if room == "__init__":
        return
    for other in imported_rooms(path) - {room}:
        if room == "emulator":
            pytest.fail(f"the stand-in imports {other}: it must not share our mistakes")
        if other == "emulator":
            assert room in OFFERS_THE_STAND_IN, f"{room} imports the stand-in"
            continue
        assert LEVEL[other] > LEVEL[room], f"{room} imports {other}, which does not lie below it"


def test_metrics_touch_no_network_and_no_disk():
    for path in [*(ROOT / "metrics").rglob("*.py"), *(ROOT / "text").rglob("*.py")]:
        assert imported_rooms(path) <= {"metrics", "text", "schema", "options", "exceptions", "_caller"}, path


def test_api_uses_no_data_frames():
    for path in (ROOT / "api").glob("*.py"):
        if path.name not in ("decode.py", "account.py"):
            assert "import pandas" not in path.read_text(encoding="utf-8"), path


def importable():
    for found in pkgutil.walk_packages([str(ROOT)], "soniox_ds."):
        if not found.name.endswith("__main__"):
            yield found.name


@pytest.mark.parametrize("name", list(importable()))
def test_all_says_what_is_there(name):
    module = importlib.import_module(name)
    if not hasattr(module, "__all__"):
        return
    assert len(module.__all__) == len(set(module.__all__))
    for public in module.__all__:
        assert isinstance(public, str)
        assert hasattr(module, public), f"{name}.__all__ names {public}, which is not there"


def test_every_public_module_says_what_is_public():
    for name in importable():
        module = importlib.import_module(name)
        if not name.rpartition(".")[2].startswith("_") and not hasattr(module, "__path__"):
            assert hasattr(module, "__all__"), f"{name} has no __all__"


def test_top_level_names():
    assert soniox_ds.__all__ == sorted(soniox_ds.__all__, key=lambda name: (name.islower(), name))
    for name in soniox_ds.__all__:
        value = getattr(soniox_ds, name)
        assert value.__doc__, f"{name} has no docstring"
    assert dir(soniox_ds) == soniox_ds.__all__
    with pytest.raises(AttributeError, match="no attribute 'transcibe'"):
        soniox_ds.transcibe  # noqa: B018


@pytest.mark.parametrize("name", aio.__all__)
def test_each_plain_function_has_its_awaitable_twin(name):
    plain = getattr(soniox_ds, name)
    assert plain.__wrapped__ is getattr(aio, name)


def test_importing_the_package_imports_nothing_heavy():
    import subprocess
    import sys

    code = (
        "import sys, soniox_ds; names = {name.split('.')[0] for name in sys.modules};"
        "print(sorted(names & {'pandas', 'pyarrow', 'httpx', 'av', 'matplotlib', 'jinja2'}))"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )


def test_no_public_name_hides_a_module():
    """Importing a module of the package sets its name there: a function of that name would come and go."""
    modules = {found.name for found in pkgutil.iter_modules([str(ROOT)])}
    assert not (modules & set(soniox_ds.__all__)) - {"aio", "exceptions", "schema"}
