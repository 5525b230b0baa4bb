import subprocess
import sys

import pytest

from qloop.cli.main import main
from qloop.cli.show import printable

HEAVY = {
    "torch",
    "qiskit",
    "sklearn",
    "numba",
    "matplotlib",
    "jinja2",
    "scipy",
    "numpy",
    "pydantic",
    "rich",
    "sqlite3",
    "stim",
}


@pytest.mark.parametrize(
    "verb",
    [
        [],
        ["run"],
        ["runs"],
        ["runs", "list"],
        ["list"],
        ["data"],
        ["data", "fetch"],
        ["cite"],
        ["decode"],
        ["decode", "fit"],
        ["decode", "run"],
        ["decode", "compare"],
    ],
)
def test_help_loads_nothing_heavy(verb):
    code = (
        "import sys; from qloop.cli.main import main\n"
        f"try: main({[*verb, '--help']})\n"
        f"except SystemExit as end: print(end.code, sorted({HEAVY} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("usage: qloop")
    assert done.stdout.endswith("0 []\n")


def test_it_runs_as_a_module():
    done = subprocess.run([sys.executable, "-m", "qloop", "--help"], capture_output=True, text=True, check=True)
    assert "answer the question in a settings file" in done.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["dance"],
        ["run"],
        ["run", "x.toml", "--set", "points"],
        ["run", "x.toml", "--seed", "one"],
        ["run", "x.toml", "--json", "--explain"],
        ["list", "dances"],
        ["runs"],
        ["cite"],
    ],
)
def test_misuse_exits_with_2(arguments, capsys):
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "usage: qloop" in captured.err


def test_no_verb_is_misuse_too(capsys):
    assert main([]) == 2
    assert "verbs:" in capsys.readouterr().out


def test_a_reader_that_leaves_early_is_no_error():
    command = f"{sys.executable} -m qloop data list | head -1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert done.stderr == ""


def test_control_characters_are_made_visible():
    assert printable("a\x1b[31m\u202eb\tc\nd é") == "a\\x1b[31m\\x202eb\\x09c\nd é"
