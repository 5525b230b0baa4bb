"""`qloop decode`: error correction on Stim's own files: learn a model, decode, compare decoders."""

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from qloop.core.answer import Task
    from qloop.runs.run import Run

_FORMATS = ("b8", "01", "dets", "npy")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the verb takes."""
    events = argparse.ArgumentParser(add_help=False)
    events.add_argument("--format", choices=_FORMATS, help="format of the events, by default the ending of the name")
    events.add_argument(
        "--beam", type=int, metavar="STATES", help="states that a beam keeps, by default all or what fits the model"
    )
    events.add_argument("--json", action="store_true", help="print one JSON object instead of tables")
    remembered = argparse.ArgumentParser(add_help=False)
    remembered.add_argument(
        "--store", type=Path, help="folder of the remembered runs, by default QLOOP_STORE or the user's"
    )
    remembered.add_argument("--fresh", action="store_true", help="run again what is remembered")
    remembered.add_argument("--report", type=Path, metavar="PATH", help="where to write the HTML page")
    cores = argparse.ArgumentParser(add_help=False)
    cores.add_argument("--workers", type=int, metavar="N", help="processes, by default one per core")
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    _add_fit(actions.add_parser("fit", parents=[events, remembered], help="learn a model's probabilities from shots"))
    _add_run(actions.add_parser("run", parents=[events, cores], help="decode a file of shots, however large"))
    _add_compare(
        actions.add_parser(
            "compare", parents=[events, remembered, cores], help="decoders on the same shots, with tests"
        )
    )


def _add_fit(parser: argparse.ArgumentParser) -> None:
    _add_files(parser, many="+")
    parser.add_argument("--flips", type=Path, nargs="+", default=[], metavar="F.01", help="what really happened")
    parser.add_argument("--shots", nargs="+", default=[":"], metavar="START:STOP:STEP", help="which to learn from")
    parser.add_argument("--decoder", default="frontier", help="what the model is for, one of `qloop list decoders`")
    parser.add_argument("--validation", type=float, default=0.1, metavar="SHARE", help="of the shots, to stop by")
    parser.add_argument("--epochs", type=int, metavar="N", help="passes over the shots, at most")
    parser.add_argument("--seed", type=int, default=0, help="seed of every random number")
    parser.add_argument("-o", "--output", type=Path, nargs="+", required=True, metavar="OUT.dem", help="where to write")
    parser.set_defaults(handler=_fit)


def _add_run(parser: argparse.ArgumentParser) -> None:
    _add_files(parser, many=None)
    parser.add_argument("--shots", default=":", metavar="START:STOP:STEP", help="which to decode, by default all")
    parser.add_argument("--decoder", default="frontier", help="one of `qloop list decoders`")
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="PRED.b8", help="predicted flips, in the ending's format"
    )
    parser.add_argument("--confidence", type=Path, metavar="C.npy", help="where to write how sure each shot is")
    parser.add_argument(
        "--review", type=float, default=0.0, metavar="SHARE",
        help="write the numbers of the least confident shots to PRED.review.npy",
    )  # fmt: skip
    parser.set_defaults(handler=_run)


def _add_compare(parser: argparse.ArgumentParser) -> None:
    _add_files(parser, many="+")
    parser.add_argument("--flips", type=Path, nargs="+", required=True, metavar="F.01", help="what really happened")
    parser.add_argument(
        "--shots", nargs="+", default=[":"], metavar="START:STOP:STEP", help="which: one for all or one for each"
    )
    parser.add_argument("--distance", type=int, nargs="+", default=[], help="code distance of each")
    parser.add_argument("--rounds", type=int, nargs="+", default=[], help="rounds of each, by default the model's")
    parser.add_argument(
        "--decoders", nargs="+", default=["pymatching-correlated", "pymatching", "frontier"], metavar="NAME",
        help="of `qloop list decoders`, the first is the reference",
    )  # fmt: skip
    parser.set_defaults(handler=_compare)


def _add_files(parser: argparse.ArgumentParser, many: str | None) -> None:
    for option, example, meaning in (
        ("--dem", "M.dem", "Stim's detector error model"),
        ("--events", "E.b8", "detection events"),
    ):
        parser.add_argument(option, type=Path, nargs=many, required=True, metavar=example, help=meaning)


def _fit(arguments: argparse.Namespace) -> int:
    from qloop.core.errors import InvalidValueError
    from qloop.decoding.fit_task import FitSettings, run_fit

    number = max(len(arguments.dem), len(arguments.events))
    if len(arguments.output) != number:
        raise InvalidValueError(f"`--output` must be one for each of {number}, got {len(arguments.output)}.")
    for path in arguments.output:
        if path.exists():
            raise InvalidValueError(f"`{path}` exists and stays as it is: choose another name.")
    names = ("dem", "events", "flips", "format", "shots", "decoder", "beam", "validation", "epochs")
    settings = _settings(FitSettings, arguments, names)

    def write(result: "Run") -> None:
        from qloop.runs.atomic import write_atomic

        for index, path in enumerate(arguments.output):
            with write_atomic(path) as file:
                file.write(result.answer.arrays[f"dem_{index}"].tobytes())

    return _remember(run_fit, settings, "decode fit", arguments, seed=arguments.seed, then=write)


def _run(arguments: argparse.Namespace) -> int:
    import json

    from qloop.cli.progress import show_progress
    from qloop.cli.show import print_text
    from qloop.decoding.compare_task import make_decoder
    from qloop.decoding.decode_file import FileTarget, decode_file
    from qloop.decoding.experiment import check_half, parse_slice, read_dem
    from qloop.decoding.shots import ShotFile

    dem, select = read_dem(arguments.dem), parse_slice(arguments.shots)
    check_half(arguments.dem, select)
    events = ShotFile(arguments.events, dem.num_detectors, format=arguments.format, select=select)
    target = FileTarget(predictions=arguments.output, confidence=arguments.confidence, review=arguments.review)
    decoder = make_decoder(arguments.decoder, arguments.beam)
    try:
        with _workers(arguments.workers) as (executor, workers), show_progress() as progress:
            done = decode_file(decoder, dem, events, target, executor=executor, workers=workers, progress=progress)
    except KeyboardInterrupt:
        raise KeyboardInterrupt("interrupted: the same command goes on where it stopped.") from None
    if arguments.json:
        print(json.dumps({**done, "files": list(map(str, target.finals()))}))
        return 0
    flips = ", ".join(f"{count:,}" for count in done["flips"])
    print_text(f"{done['shots']:,} shots decoded in {done['cpu_seconds']:,.1f} CPU seconds; flips predicted: {flips}.")
    if done["confidence"] is not None:
        print_text(f"Mean confidence {done['confidence']:.4f}; {done['flagged']:,} shots flagged for review.")
    for path in target.finals():
        print(path)
    return 0


def _compare(arguments: argparse.Namespace) -> int:
    from functools import partial

    from qloop.decoding.compare_task import CompareSettings, run_compare

    names = ("dem", "events", "flips", "format", "shots", "distance", "rounds", "decoders", "beam")
    settings = _settings(CompareSettings, arguments, names)
    with _workers(arguments.workers) as (executor, workers):
        return _remember(
            partial(run_compare, executor=executor, workers=workers), settings, "decode compare", arguments
        )


def _settings(kind: type[Any], arguments: argparse.Namespace, names: tuple[str, ...]) -> Any:
    from qloop.core.settings import validate

    given = {name: _plain(value) for name in names if (value := getattr(arguments, name)) is not None}
    return validate(kind, given, folder=Path.cwd())


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def _remember(
    task: "Task",
    settings: Any,
    kind: str,
    arguments: argparse.Namespace,
    *,
    seed: int = 0,
    then: "Callable[[Run], None] | None" = None,
) -> int:
    """Run a task with the store as its memo, do what follows, and print the answer beside its page."""
    from qloop.cli.progress import show_progress
    from qloop.cli.run import write_page
    from qloop.cli.show import print_run
    from qloop.runs.execute import execute
    from qloop.runs.store import Store

    with Store(arguments.store) as store:
        with show_progress() as progress:
            run = execute(task, settings, kind=kind, seed=seed, store=store, progress=progress, fresh=arguments.fresh)
        if then is not None:
            then(run)
        print_run(run, write_page(store, run, arguments.report), as_json=arguments.json)
    return 0


@contextmanager
def _workers(number: int | None) -> Iterator[tuple["Executor", int]]:
    """Yield where to decode, and how many blocks at a time: processes, or a thread where one is enough."""
    import multiprocessing
    import signal
    from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

    from qloop.circuits.simulate.threads import usable_cores
    from qloop.core.errors import InvalidValueError

    workers = usable_cores() if number is None else number
    if workers < 1:
        raise InvalidValueError(f"`--workers` must be at least 1, got {workers}.")
    pool: Executor = ThreadPoolExecutor(1)
    if workers > 1:
        # Spawned, because a fork copies the locks of numeric threads; an interrupt is for this process alone.
        spawn = multiprocessing.get_context("spawn")
        pool = ProcessPoolExecutor(workers, spawn, signal.signal, (signal.SIGINT, signal.SIG_IGN))
    try:
        yield pool, workers
    finally:
        pool.shutdown(cancel_futures=True)
