"""`qloop cite RUN`: the papers behind the parts that were on."""

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the verb takes."""
    parser.add_argument("run", metavar="RUN", help="the first digits of its id, see `qloop runs list`")
    parser.add_argument(
        "--store", type=Path, help="folder of the remembered runs, by default QLOOP_STORE or the user's"
    )
    parser.set_defaults(handler=run)


def run(arguments: argparse.Namespace) -> int:
    """Print one reference a line, each once."""
    from qloop.cli.show import printable
    from qloop.runs.store import Store

    with Store(arguments.store) as store:
        answer = store.run(arguments.run).answer
    for reference in dict.fromkeys((*answer.references, *answer.ledger.references())):
        print(printable(reference))
    return 0
