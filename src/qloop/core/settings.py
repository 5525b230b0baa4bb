"""Settings: one frozen class tree that is the schema of a TOML file and the arguments in code.

For example::

    @settings
    class Scan:
        "Geometries along a curve."
        points: int = setting(9, "number of geometries", ge=2)

Keys that are not known, wrong types and broken bounds each become one sentence that names the key, the rule and the
value.
"""

import dataclasses
import hashlib
import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, dataclass_transform, get_args, get_type_hints

import pydantic
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import to_jsonable_python

from qloop.core.errors import InvalidValueError, nearest

T = TypeVar("T")
REQUIRED = ...
"""Marks a setting without a default."""
_UNKNOWN_KEY = {"unexpected_keyword_argument", "extra_forbidden"}
_RULES = {
    "bool_type": "true or false",
    "dataclass_type": "a table",
    "float_type": "a number",
    "int_from_float": "a whole number",
    "int_type": "a whole number",
    "string_type": "a string",
    "tuple_type": "a list",
}
"""Pydantic's kinds of error whose own words would puzzle a reader of TOML."""


def setting(default: Any, meaning: str, *, unit: str = "", **rules: Any) -> Any:
    """Declare one setting.

    Args:
        default: its default, `REQUIRED` when it has none, or a settings class for a table of its own defaults.
        meaning: one clause for `qloop run --explain`.
        unit: unit of the value, empty for none.
        rules: pydantic's bounds (`ge`, `gt`, `le`, `lt`, `min_length`, `pattern`).
    """
    rules |= {"description": meaning, "json_schema_extra": {"unit": unit}}
    return Field(default_factory=default, **rules) if isinstance(default, type) else Field(default, **rules)


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(setting,))
def settings(cls: type[T]) -> type[T]:
    """Make a class a frozen, keyword-only, strictly validated settings class."""
    config = ConfigDict(extra="forbid", strict=True)
    return pydantic.dataclasses.dataclass(frozen=True, kw_only=True, config=config)(cls)  # type: ignore[return-value]


def validate(cls: type[T], data: Mapping[str, Any], where: str = "", folder: Path | None = None) -> T:
    """Build settings from plain values.

    Args:
        cls: a settings class.
        data: nested mappings, lists for tuples.
        where: name of the table the data came from, for messages.
        folder: what relative paths start from, by default the working directory.

    Raises:
        InvalidValueError: one sentence for the first thing that is wrong.
    """
    try:
        value = TypeAdapter(cls).validate_json(json.dumps(data, allow_nan=True))
        return value if folder is None else _resolve_paths(value, folder)
    except ValidationError as error:
        # A misspelt key is often also a missing one, and the misspelling is what helps.
        first = min(error.errors(include_url=False), key=lambda each: each["type"] not in _UNKNOWN_KEY)
        raise InvalidValueError(_sentence(cls, first, where)) from None
    except TypeError as error:
        raise InvalidValueError(f"settings hold plain values only: {error}.") from None


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file.

    Raises:
        InvalidValueError: the file is missing, is a folder, or does not parse (the line is shown).
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InvalidValueError(f"there is no settings file `{path}`.") from None
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise InvalidValueError(f"cannot read `{path}`: {reason}.") from None
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        lines = text.splitlines()
        number = getattr(error, "lineno", None) or _line_number(str(error), len(lines))
        shown = lines[number - 1].strip() if 0 < number <= len(lines) else ""
        reason = str(error).split(" (at ")[0]
        raise InvalidValueError(f"`{path}` is not valid TOML, line {number} `{shown}`: {reason}.") from None


def override(data: dict[str, Any], assignment: str) -> dict[str, Any]:
    """Return the data with one ``a.b=value`` applied; the value is read as TOML, else as a string.

    Raises:
        InvalidValueError: there is no ``=``, or a key on the way is not a table.
    """
    path, equals, text = assignment.partition("=")
    keys = [key.strip() for key in path.split(".")]
    if not equals or not all(keys):
        raise InvalidValueError(f"`--set` takes `table.key=value`, got `{assignment}`.")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    result = dict(data)
    table = result
    for key in keys[:-1]:
        below = table.get(key, {})
        if not isinstance(below, dict):
            raise InvalidValueError(f"`--set {assignment}`: `{key}` is not a table.")
        table[key] = dict(below)
        table = table[key]
    table[keys[-1]] = value
    return result


def to_plain(value: Any) -> Any:
    """Return settings as nested dictionaries and lists, every default filled in: what a run's identity hashes.

    A path stands there as its file's name and the sha256 of its content: a file that moved is the same question, a file
    that changed is another.
    """
    return to_jsonable_python(_name_contents(TypeAdapter(type(value)).dump_python(value)))


@dataclass(frozen=True, kw_only=True)
class Explained:
    """One setting as `--explain` prints it."""

    key: str
    meaning: str
    unit: str
    default: str
    type: str


def explain(cls: type[Any], prefix: str = "") -> Iterator[Explained]:
    """Yield every setting of a class, tables depth first."""
    hints = get_type_hints(cls, include_extras=False)
    for name, info in _fields(cls).items():
        hint = hints[name]
        table = next((a for a in (hint, *get_args(hint)) if _is_settings(a)), None)
        if table is not None:
            yield from explain(table, f"{prefix}{name}.")
            continue
        extra = info.json_schema_extra
        unit = str(extra.get("unit", "")) if isinstance(extra, dict) else ""
        default = "required" if info.is_required() else _show_default(info)
        yield Explained(
            key=prefix + name, meaning=info.description or "", unit=unit, default=default, type=_type_name(hint)
        )


def _resolve_paths(value: Any, folder: Path) -> Any:
    if isinstance(value, Path):
        return folder / value.expanduser()
    if isinstance(value, tuple):
        return tuple(_resolve_paths(item, folder) for item in value)
    if _is_settings(type(value)):
        return dataclasses.replace(
            value, **{name: _resolve_paths(getattr(value, name), folder) for name in _fields(type(value))}
        )
    return value


def _name_contents(value: Any) -> Any:
    if isinstance(value, Path):
        if not value.is_file():
            return f"{value.name} sha256:missing"
        with value.open("rb") as file:
            return f"{value.name} sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
    if isinstance(value, dict):
        return {key: _name_contents(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_name_contents(item) for item in value]
    return value


def _show_default(info: FieldInfo) -> str:
    default = info.get_default(call_default_factory=True, validated_data={})
    return "none" if default is None else json.dumps(default, default=str)


def _fields(cls: type[Any]) -> dict[str, FieldInfo]:
    fields: dict[str, FieldInfo] = cls.__pydantic_fields__
    return fields


def _is_settings(hint: Any) -> bool:
    return isinstance(hint, type) and dataclasses.is_dataclass(hint) and hasattr(hint, "__pydantic_fields__")


def _line_number(message: str, last: int) -> int:
    words = message.replace(",", " ").replace(")", " ").split()
    return int(words[words.index("line") + 1]) if "line" in words else last


def _type_name(hint: Any) -> str:
    return str(hint).replace("typing.", "").replace("pathlib.", "") if get_args(hint) else str(hint.__name__)


def _table_at(cls: type[Any], path: tuple[Any, ...]) -> type[Any] | None:
    for key in path:
        if isinstance(key, int):
            continue
        if not _is_settings(cls) or key not in _fields(cls):
            return None
        hint = get_type_hints(cls)[key]
        cls = next((a for a in (hint, *get_args(hint)) if _is_settings(a)), hint)
    return cls if _is_settings(cls) else None


def _sentence(cls: type[Any], error: Any, where: str) -> str:
    location, kind = error["loc"], error["type"]
    rule = _RULES.get(kind) or error["msg"].removeprefix("Value error, ").removeprefix("Input should be ").rstrip(".")
    table = _table_at(cls, location[:-1])
    if table is None and isinstance(location[-1], str):
        # The location's last part is not a key but the member of a union that refused: the whole type says more.
        location = location[:-1]
        owner = _table_at(cls, location[:-1])
        rule = _type_name(get_type_hints(owner)[location[-1]]) if owner is not None else rule
    key = ".".join(str(part) for part in ((where, *location) if where else location))
    if kind in _UNKNOWN_KEY:
        return f"`{key}` is not a setting: {nearest(str(location[-1]), _fields(table)) if table is not None else ''}"
    if kind in {"missing", "missing_argument", "missing_keyword_only_argument"}:
        return f"`{key}` is required and was not given."
    if kind in {"too_long", "too_short"}:
        bound = error["ctx"].get("max_length", error["ctx"].get("min_length"))
        rule = f"a list of at {'most' if kind == 'too_long' else 'least'} {bound} items"
    if kind == "value_error":
        return f"{rule}." if rule.startswith("`") or not key else f"`{key}`: {rule}."
    return f"`{key}` must be {rule}, got {json.dumps(error['input'], default=str)}."
