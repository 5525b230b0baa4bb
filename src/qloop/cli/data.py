"""`qloop data`: published data on this machine."""

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the verb takes."""
    actions = parser.add_subparsers(metavar="ACTION", required=True)

    action = actions.add_parser("list", help="what is published, how large it is, and what is here")
    action.set_defaults(handler=_list)

    action = actions.add_parser("fetch", help="download a data set, going on where an earlier try stopped")
    action.add_argument("name", metavar="NAME", help="one of `qloop data list`")
    action.add_argument("--from", type=Path, dest="copy", metavar="PATH", help="use this copy instead of downloading")
    action.set_defaults(handler=_fetch)

    action = actions.add_parser("path", help="print the folder of a data set that is here")
    action.add_argument("name", metavar="NAME", help="a data set in QLOOP_DATA or one of `qloop data list`")
    action.set_defaults(handler=_path)


def _list(_: argparse.Namespace) -> int:
    from qloop.cli.show import print_table
    from qloop.datasets.cache import cache_path
    from qloop.datasets.published import PUBLISHED

    rows = [
        (
            dataset.name,
            f"{dataset.bytes / 1e6:,.0f} MB",
            "yes" if cache_path(dataset).exists() else "",
            dataset.licence,
            dataset.about,
            dataset.citation,
        )
        for dataset in PUBLISHED.values()
    ]
    print_table("", ("name", "size", "here", "licence", "what", "cite"), rows)
    return 0


def _fetch(arguments: argparse.Namespace) -> int:
    from qloop.cli.progress import show_progress
    from qloop.datasets.cache import register
    from qloop.datasets.download import fetch
    from qloop.datasets.published import find_dataset

    dataset = find_dataset(arguments.name)
    if arguments.copy is not None:
        path = register(dataset, arguments.copy)
    else:
        try:
            with show_progress() as progress:
                path = fetch(dataset, progress=progress)
        except KeyboardInterrupt:
            raise KeyboardInterrupt("interrupted: the same command goes on where the download stopped.") from None
    print(path)
    return 0


def _path(arguments: argparse.Namespace) -> int:
    from qloop.datasets.cache import data_path

    print(data_path(arguments.name))
    return 0
