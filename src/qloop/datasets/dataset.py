"""`Dataset`: one published file, and the check that a copy is the published one."""

import hashlib
import warnings
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from qloop.core.errors import InvalidValueError, QloopError


class ChecksumError(QloopError):
    """A copy that is not the published file."""


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """One file as its publisher offers it.

    Args:
        name: what it is called here.
        about: one clause, what it holds.
        url: where the publisher offers it.
        file_name: what the publisher calls it.
        bytes: its size; 0 when it is not known.
        checksum: ``"md5:..."`` or ``"sha256:..."`` as published; empty when none is known.
        licence: under which its publisher offers it.
        citation: one line.
    """

    name: str
    about: str
    url: str
    file_name: str
    bytes: int = 0
    checksum: str = ""
    licence: str
    citation: str

    def __post_init__(self) -> None:
        if urlsplit(self.url).scheme not in {"http", "https"}:
            raise InvalidValueError(f"`url` must start with http or https, got `{self.url}`.")
        if Path(self.file_name).name != self.file_name or not self.file_name.strip("."):
            raise InvalidValueError(f"`file_name` must be a plain file name, got `{unquote(self.file_name)}`.")

    def check(self, copy: Path) -> None:
        """Compare a copy with what is published of the file: its size and its checksum.

        Where no checksum is known there is a warning that states the copy's sha256.

        Raises:
            ChecksumError: the copy is another file.
        """
        size = copy.stat().st_size
        if self.bytes and size != self.bytes:
            raise ChecksumError(f"`{copy}` is not `{self.file_name}`: it has {size} bytes, published are {self.bytes}.")
        algorithm, _, digest = (self.checksum or "sha256:").partition(":")
        with copy.open("rb") as file:
            found = hashlib.file_digest(file, algorithm).hexdigest()
        if not self.checksum:
            warnings.warn(f"no checksum of `{self.file_name}` is published; its sha256 is {found}.", stacklevel=2)
        elif found != digest:
            raise ChecksumError(
                f"`{copy}` is not `{self.file_name}`: its {algorithm} is {found}, published is {digest}."
            )
