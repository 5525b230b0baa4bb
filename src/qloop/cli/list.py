"""`qloop list`: the names that settings and commands take."""

import argparse
from collections.abc import Callable, Iterable


def _tasks() -> Iterable[str]:
    from qloop.apps import TASKS

    return TASKS.names()


def _decoders() -> Iterable[str]:
    from qloop.decoding.decoder import DECODERS

    return DECODERS.names()


def _devices() -> Iterable[str]:
    from qloop.devices.catalog import device_names

    return device_names()


def _data() -> Iterable[str]:
    from qloop.datasets.published import PUBLISHED

    return PUBLISHED


_KINDS: dict[str, tuple[Callable[[], Iterable[str]], str]] = {
    "tasks": (_tasks, "kinds of task, for `[task] kind`"),
    "decoders": (_decoders, "decoders, for `qloop decode`"),
    "devices": (_devices, "calibrated devices"),
    "data": (_data, "published data, for `qloop data fetch`"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the verb takes."""
    parser.add_argument("kind", nargs="?", choices=_KINDS, help="one kind only, a name a line")
    parser.set_defaults(handler=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the names of one kind, or all kinds at a glance."""
    from qloop.cli.show import print_table
    from qloop.core.errors import MissingExtraError

    if arguments.kind:
        print("\n".join(_KINDS[arguments.kind][0]()))
        return 0
    rows = []
    for kind, (names, meaning) in _KINDS.items():
        try:
            rows.append((kind, meaning, ", ".join(names())))
        except MissingExtraError as error:
            rows.append((kind, meaning, str(error)))
    print_table("", ("kind", "what", "names"), rows)
    return 0
