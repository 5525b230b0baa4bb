"""`qloop run FILE.toml`: one file, one run."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qloop.core.answer import TaskKind


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the verb takes."""
    parser.add_argument("file", type=Path, metavar="FILE.toml", help="settings, with the kind of task in [task]")
    parser.add_argument(
        "--set", action="append", default=[], type=_assignment, metavar="TABLE.KEY=VALUE", dest="assignments",
        help="change one setting; may be given again",
    )  # fmt: skip
    parser.add_argument("--seed", type=int, help="seed of every random number, instead of the file's")
    parser.add_argument(
        "--store", type=Path, help="folder of the remembered runs, by default QLOOP_STORE or the user's"
    )
    parser.add_argument(
        "--report", type=Path, metavar="PATH", help="where to write the HTML page, by default in the store"
    )
    parser.add_argument("--fresh", action="store_true", help="run again what is remembered")
    output = parser.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="print one JSON object instead of tables")
    output.add_argument("--dry-run", action="store_true", help="say what would be sent and what it costs, and stop")
    output.add_argument("--explain", action="store_true", help="show every setting with its meaning, and stop")
    parser.set_defaults(handler=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the task of a file, or say what it would do."""
    from qloop.cli.show import print_run, print_settings
    from qloop.core.settings import override, read_toml, validate

    tables = read_toml(arguments.file)
    for assignment in arguments.assignments:
        tables = override(tables, assignment)
    if arguments.seed is not None:
        tables = override(tables, f"task.seed={arguments.seed}")
    name, seed, kind = _read_task(tables.pop("task", {}))
    if arguments.explain:
        print_settings(kind.settings, tables)
    settings = validate(kind.settings, tables, folder=arguments.file.parent.absolute())
    if arguments.dry_run:
        print(kind.dry_run(settings, seed))
    if arguments.explain or arguments.dry_run:
        return 0

    from qloop.cli.progress import show_progress
    from qloop.runs.execute import execute
    from qloop.runs.store import Store

    with Store(arguments.store) as store:
        with show_progress() as progress:
            result = execute(
                kind.task, settings, kind=name, seed=seed, store=store, progress=progress, fresh=arguments.fresh
            )
        print_run(result, write_page(store, result, arguments.report), as_json=arguments.json)
    return 0


def write_page(store: Any, result: Any, path: Path | None) -> Path:
    """Write a run's page and return its path, by default in the store."""
    from qloop.runs.page import write_report

    path = (path or store.path / "pages" / f"{result.entry.short_id}.html").absolute()
    path.parent.mkdir(parents=True, exist_ok=True)
    write_report(result, path)
    return path


def _read_task(table: Any) -> tuple[str, int, "TaskKind"]:
    from qloop.apps import TASKS
    from qloop.core.settings import REQUIRED, setting, settings, validate

    @settings
    class TaskTable:
        """The table that every settings file has."""

        kind: str = setting(REQUIRED, "kind of task, one of `qloop list tasks`")
        seed: int = setting(0, "seed of every random number", ge=0)

    task = validate(TaskTable, table, where="task")
    return task.kind, task.seed, TASKS.load(task.kind)


def _assignment(text: str) -> str:
    if "=" not in text:
        raise argparse.ArgumentTypeError(f"`{text}` is not TABLE.KEY=VALUE")
    return text
