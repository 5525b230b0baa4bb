"""What holds for the whole package: lazy names, floors that tables respect too, and no published data inside."""

import ast
import hashlib
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import qloop

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "qloop"


def test_importing_qloop_imports_nothing_else():
    code = "import sys; before = set(sys.modules); import qloop; print(sorted(set(sys.modules) - before))"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    loaded = ast.literal_eval(done.stdout)
    assert {name.split(".")[0] for name in loaded} <= {"qloop", *sys.stdlib_module_names}
    assert {name for name in loaded if name.startswith("qloop.")} == {"qloop.core", "qloop.core.lazy"}


def test_type_checkers_and_the_running_package_see_the_same_names():
    tree = ast.parse((PACKAGE / "__init__.py").read_text())
    imported = {
        alias.name: node.module
        for block in tree.body
        if isinstance(block, ast.If)
        for node in block.body
        for alias in node.names
    }
    assert imported == qloop._HOMES
    assert sorted(imported) == qloop.__all__ == dir(qloop)
    assert all(getattr(qloop, name).__module__ == module for name, module in imported.items())
    with pytest.raises(AttributeError, match="has no attribute `Estimat`"):
        _ = qloop.Estimat


def floor_of_each_room():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    rooms = [[room.strip(" ()") for room in layer.replace("|", ":").split(":")] for layer in layers]
    return {room: -height for height, floor in enumerate(rooms) for room in floor}


def registered():
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Registry":
                table = next(argument for argument in node.args if isinstance(argument, ast.Dict))
                for target in ast.literal_eval(table).values():
                    yield path.relative_to(PACKAGE).parts[0], target


def test_tables_of_lazy_names_point_to_their_own_room_or_down():
    floor = floor_of_each_room()
    targets = list(registered())
    assert targets
    for room, target in targets:
        module, _, name = target.partition(":")
        base = PACKAGE.parent / Path(*module.split("."))
        source = base / "__init__.py" if base.is_dir() else base.with_suffix(".py")
        assert name in source.read_text(), f"{target} is not there"
        there = module.split(".")[1]
        assert there == room or floor[there] < floor[room], f"{room} must not point to {target}"


@pytest.mark.skipif("QLOOP_DATA" not in os.environ, reason="QLOOP_DATA names no folder of published data")
def test_no_file_of_a_published_set_is_tracked():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    ours = [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()]
    sizes = {path.stat().st_size for path in ours} - {0}
    theirs = [path for path in Path(os.environ["QLOOP_DATA"]).rglob("*") if path.is_file()]
    published = {_digest(path): path for path in theirs if path.stat().st_size in sizes}
    assert not {path: published[digest] for path in ours if (digest := _digest(path)) in published}


def _digest(path):
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
