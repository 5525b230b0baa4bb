"""The settings reference: one table per task kind, from the classes that validate a file."""

from pathlib import Path

from qloop.apps import TASKS
from qloop.core.settings import explain


def write_settings(folder: Path) -> None:
    """Write `settings.md` with every setting of every task kind."""
    folder.mkdir(exist_ok=True)
    sections = [f"## {name}\n\n{_table(TASKS.load(name).settings)}" for name in TASKS.table]
    (folder / "settings.md").write_text("\n\n".join(sections) + "\n", encoding="utf-8")


def _table(settings: type) -> str:
    rows = [
        f"| `{row.key}` | {row.meaning} | {row.unit} | {_code(row.default)} | {_code(row.type)} |"
        for row in explain(settings)
    ]
    return "\n".join(["| setting | meaning | unit | default | type |", "|---|---|---|---|---|", *rows])


def _code(text: str) -> str:
    return "`" + text.replace("|", "\\|") + "`"
