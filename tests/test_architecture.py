"""The rooms: imports point downwards only, and every public name is in its place."""

import ast
import importlib
import pkgutil
from collections import Counter
from graphlib import CycleError, TopologicalSorter
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
    {"plot", "show", "proxy"},
    {"widgets"},
    {"aio", "account", "_sync"},
    {"experiments"},
    {"live"},
    {"batch"},
    {"sources"},
    {"corpus"},
    {"io"},
    {"review_queue"},
    {"metrics"},
    {"text", "progress"},
    {"stores"},
    {"api"},
    {"files"},
    {"options", "_background"},
    {"schema", "_lazy"},
    {"_arguments", "_executors", "_forks"},
    {"_caller", "_display", "exceptions"},
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


def imports_of_modules() -> dict[str, set[str]]:
    """The modules that each module of the package imports, anywhere in it: within functions and for types, too."""
    names = {path: ".".join(path.relative_to(ROOT.parent).with_suffix("").parts) for path in modules()}
    names = {path: name.removesuffix(".__init__") for path, name in names.items()}
    known = set(names.values())
    imports = {}
    for path, name in names.items():
        found = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module in known:
                submodules = [f"{node.module}.{alias.name}" for alias in node.names]
                found |= {submodule if submodule in known else node.module for submodule in submodules}
            elif isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names if alias.name in known}
        imports[name] = found - {name}
    return imports


def test_imports_of_modules_have_no_circle():
    try:
        TopologicalSorter(imports_of_modules()).prepare()
    except CycleError as error:
        pytest.fail(f"modules import each other in a circle: {' -> '.join(reversed(error.args[1]))}")


def test_metrics_touch_no_network_and_no_disk():
    for path in [*(ROOT / "metrics").rglob("*.py"), *(ROOT / "text").rglob("*.py")]:
        allowed = {"metrics", "text", "schema", "options", "exceptions", "_arguments", "_caller", "_lazy"}
        assert imported_rooms(path) <= allowed, path


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


NAMESPACES = ("account", "aio", "io", "metrics", "plot", "show")
WRITTEN_IN_A_STUB = ("io", "metrics", "plot", "show")


def test_top_level_names():
    assert soniox_ds.__all__ == sorted(soniox_ds.__all__)
    assert len(soniox_ds.__all__) <= 60
    for name in soniox_ds.__all__:
        value = getattr(soniox_ds, name)
        assert value.__doc__, f"{name} has no docstring"
    assert dir(soniox_ds) == soniox_ds.__all__
    with pytest.raises(AttributeError, match="no attribute 'transcibe'"):
        soniox_ds.transcibe  # noqa: B018
    with pytest.raises(AttributeError, match=r"Did you mean 'metrics\.punctuation_errors'\?"):
        soniox_ds.punctuation_errors  # noqa: B018


@pytest.mark.parametrize("name", NAMESPACES)
def test_namespaces(name):
    namespace = getattr(soniox_ds, name)
    for public in namespace.__all__:
        assert getattr(namespace, public).__doc__, f"{name}.{public} has no docstring"
    if name != "aio":
        assert dir(namespace) == namespace.__all__
    with pytest.raises(AttributeError, match=f"module 'soniox_ds.{name}' has no attribute 'nothing'"):
        namespace.nothing  # noqa: B018


def test_each_public_function_has_one_home():
    homes = {}
    for namespace in (soniox_ds, *(getattr(soniox_ds, name) for name in NAMESPACES if name != "aio")):
        for name in namespace.__all__:
            value = getattr(namespace, name)
            if callable(value):
                assert id(value) not in homes, f"{namespace.__name__}.{name} is also {homes.get(id(value))}"
                homes[id(value)] = f"{namespace.__name__}.{name}"


def test_stubs_agree_with_what_is_imported():
    """Each name of a stub is defined in the module from which the stub imports it, and listed once."""
    for folder in (ROOT, *(ROOT / name for name in WRITTEN_IN_A_STUB)):
        package = ".".join(["soniox_ds", *folder.relative_to(ROOT).parts])
        names = []
        for node in ast.parse((folder / "__init__.pyi").read_text(encoding="utf-8")).body[1:]:
            if ast.unparse(node) == "__version__: str" and folder == ROOT:
                continue
            assert isinstance(node, ast.ImportFrom)
            names += [alias.name for alias in node.names]
            assert all(alias.asname == alias.name for alias in node.names), "so that type checkers see a public name"
            if node.module:
                module = importlib.import_module("." * node.level + node.module, package)
                assert {alias.name for alias in node.names} <= set(module.__all__), f"{package}: {module.__name__}"
        assert sorted(names) == importlib.import_module(package).__all__


@pytest.mark.parametrize("name", [name for name in aio.__all__ if name != "account"])
def test_each_plain_function_has_its_awaitable_twin(name):
    plain = getattr(soniox_ds, name)
    assert plain.__wrapped__ is getattr(aio, name)
    assert f"``soniox_ds.aio.{name}``" in plain.__doc__


def test_account_has_its_awaitable_twins():
    assert soniox_ds.account.__all__ == aio.account.__all__
    for name in aio.account.__all__:
        plain = getattr(soniox_ds.account, name)
        assert plain.__wrapped__ is getattr(aio.account, name)
        assert f"``soniox_ds.aio.account.{name}``" in plain.__doc__


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


def test_word_errors_import_no_statistics():
    import subprocess
    import sys

    code = (
        "import sys, soniox_ds as sx; sx.word_errors({'a': 'one'}, {'a': 'two'});"
        "print({name.split('.')[0] for name in sys.modules} & {'scipy', 'matplotlib', 'jiwer', 'sacrebleu'})"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert output.strip() == "set()"


@pytest.mark.parametrize("folder", ["", *WRITTEN_IN_A_STUB])
def test_no_public_name_hides_a_module(folder):
    """Importing a module of a package sets its name there: a function of that name would come and go."""
    package = importlib.import_module(f"soniox_ds.{folder}".rstrip("."))
    modules = {found.name for found in pkgutil.iter_modules([str(ROOT / folder)])}
    assert not (modules & set(package.__all__)) - {*NAMESPACES, "exceptions", "schema"}


def test_no_two_test_modules_have_the_same_name():
    """Pytest imports them by name alone, so that the second one would end the collection of all tests."""
    names = Counter(path.name for path in Path(__file__).parent.rglob("test_*.py"))
    assert [name for name, count in names.items() if count > 1] == []
