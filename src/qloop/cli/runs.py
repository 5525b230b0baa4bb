"""`qloop runs`: what has been run, and what came of it."""

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the verb takes."""
    store = argparse.ArgumentParser(add_help=False)
    store.add_argument("--store", type=Path, help="folder of the remembered runs, by default QLOOP_STORE or the user's")
    one = argparse.ArgumentParser(add_help=False, parents=[store])
    one.add_argument("run", metavar="RUN", help="the first digits of its id")
    actions = parser.add_subparsers(metavar="ACTION", required=True)

    action = actions.add_parser("list", parents=[store], help="every run, the latest first")
    action.set_defaults(handler=_list)

    action = actions.add_parser("show", parents=[one], help="the answer and its ledger, as when it ran")
    action.add_argument("--json", action="store_true", help="print one JSON object instead of tables")
    action.set_defaults(handler=_show, report=None)

    action = actions.add_parser("report", parents=[one], help="write its page and print where")
    action.add_argument("--report", type=Path, metavar="PATH", help="where to write it, by default in the store")
    action.set_defaults(handler=_report)

    action = actions.add_parser("export", parents=[one], help="copy it with its arrays, for other programs")
    action.add_argument("target", type=Path, metavar="FOLDER", help="a new folder, or a new file *.zip or *.json")
    action.set_defaults(handler=_export)


def _list(arguments: argparse.Namespace) -> int:
    from qloop.cli.show import print_table
    from qloop.runs.store import Store

    with Store(arguments.store) as store:
        rows = [
            (entry.short_id, entry.kind, str(entry.seed), entry.state, entry.started, entry.headline)
            for entry in store.entries()
        ]
    print_table("", ("run", "kind", "seed", "state", "started (UTC)", "headline"), rows)
    return 0


def _show(arguments: argparse.Namespace) -> int:
    from qloop.cli.run import write_page
    from qloop.cli.show import print_run
    from qloop.runs.store import Store

    with Store(arguments.store) as store:
        run = store.run(arguments.run)
        print_run(run, write_page(store, run, None), as_json=arguments.json)
    return 0


def _report(arguments: argparse.Namespace) -> int:
    from qloop.cli.run import write_page
    from qloop.runs.store import Store

    with Store(arguments.store) as store:
        print(write_page(store, store.run(arguments.run), arguments.report))
    return 0


def _export(arguments: argparse.Namespace) -> int:
    from qloop.runs.export import export
    from qloop.runs.store import Store

    with Store(arguments.store) as store:
        export(store.run(arguments.run), arguments.target)
    print(arguments.target)
    return 0
