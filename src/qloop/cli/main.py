"""`qloop VERB`: parse, run the verb, and say in one sentence what went wrong."""

import argparse
import os
import sys
import traceback
import warnings
from collections.abc import Sequence

from qloop.cli import cite, data, decode, list, run, runs
from qloop.core.errors import QloopError

_VERBS = {
    "run": (run, "answer the question in a settings file"),
    "decode": (decode, "correct errors in files of shots, and learn to"),
    "runs": (runs, "look at the runs that are remembered"),
    "list": (list, "show what there is to choose from"),
    "data": (data, "bring published data to this machine"),
    "cite": (cite, "print the references behind a run"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: what follows `qloop`, by default this process's own.

    Returns:
        0 when it went well, 1 when it did not, 130 when it was interrupted; misuse exits with 2.
    """
    parser = _make_parser()
    parsed = parser.parse_args(arguments)
    if "handler" not in parsed:
        parser.print_help()
        return 2
    try:
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *_: _say(f"warning: {message}")
            code: int = parsed.handler(parsed)
            sys.stdout.flush()
            return code
    except BrokenPipeError:
        # The reader of a pipe left: what follows has nowhere to go, and Python must not find that out at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt as error:
        _say(str(error) or "interrupted.")
        return 130
    except Exception as error:
        if "debug" in parsed:
            traceback.print_exc()
        _say(_sentence(error))
        return 1


def _make_parser() -> argparse.ArgumentParser:
    debug = argparse.ArgumentParser(add_help=False)
    debug.add_argument(
        "--debug", action="store_true", default=argparse.SUPPRESS, help="show where in the code an error came from"
    )
    parser = argparse.ArgumentParser(
        prog="qloop", description="The loop between AI and quantum computers.", parents=[debug], allow_abbrev=False
    )
    verbs = parser.add_subparsers(metavar="VERB", title="verbs")
    for name, (module, summary) in _VERBS.items():
        verb = verbs.add_parser(name, help=summary, description=summary[0].upper() + summary[1:] + ".", parents=[debug])
        module.add_arguments(verb)
    return parser


def _sentence(error: Exception) -> str:
    if isinstance(error, QloopError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: `{error.filename}`." if error.filename else f"{error.strerror}."
    return f"unexpected {type(error).__name__}: {error} (--debug shows where)."


def _say(sentence: str) -> None:
    from qloop.cli.show import printable

    print(f"qloop: {printable(sentence)}", file=sys.stderr)
