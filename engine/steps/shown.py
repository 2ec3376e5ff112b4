"""Values as JSON for people to look at: bounded, whatever they are."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import date, time, timedelta
from enum import Enum
from math import isfinite
from pathlib import PurePath
from typing import Any, cast
from uuid import UUID

from pydantic import BaseModel

MAX_CHARS = 500  # of one text
MAX_ITEMS = 20  # of one list, mapping or model
MAX_DEPTH = 4


def shown_call(args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any] | None:
    """The arguments as `{"args": […], "kwargs": {…}}`, each only where there are some; `shown`."""
    shown: dict[str, Any] = {}
    if args:
        shown["args"] = _shown_list(args, -1)
    if kwargs:
        shown["kwargs"] = _shown_items(kwargs, -1)
    return shown or None


def shown(value: Any) -> Any:
    """A value with long texts and lists cut.

    What is not data (a service, a function, a `SecretStr`) is its type in angle brackets; fields
    of models and dataclasses that have `repr=False` are left out.
    """
    return _shown(value, 0)


def _shown(value: Any, depth: int) -> Any:
    match value:
        case None | bool() | int():
            return value
        case float():
            return value if isfinite(value) else str(value)
        case Enum():
            return _shown(value.value, depth)
        case str():
            cut = f"{value[:MAX_CHARS]}… ({len(value)} chars)"
            return value if len(value) <= MAX_CHARS else cut
        case date() | time() | timedelta() | UUID() | PurePath():
            return str(value)
        case _:
            return (
                f"<{type(value).__name__}>" if depth >= MAX_DEPTH else _shown_inside(value, depth)
            )


def _shown_inside(value: Any, depth: int) -> Any:
    match value:
        case list() | tuple() | set() | frozenset():
            return _shown_list(list(cast("Sequence[Any]", value)), depth)
        case Mapping():
            return _shown_items(cast("Mapping[Any, Any]", value), depth)
        case BaseModel():
            named = type(value).model_fields
            return _shown_items({n: getattr(value, n) for n in named if named[n].repr}, depth)
        case _ if is_dataclass(value) and not isinstance(value, type):
            named = {each.name: getattr(value, each.name) for each in fields(value) if each.repr}
            return _shown_items(named, depth)
        case _:
            return f"<{type(value).__name__}>"


def _shown_list(values: Sequence[Any], depth: int) -> list[Any]:
    shown = [_shown(each, depth + 1) for each in values[:MAX_ITEMS]]
    return shown if len(values) <= MAX_ITEMS else [*shown, f"… ({len(values)} items)"]


def _shown_items(items: Mapping[Any, Any], depth: int) -> dict[str, Any]:
    shown = {str(name): _shown(items[name], depth + 1) for name in list(items)[:MAX_ITEMS]}
    return shown if len(items) <= MAX_ITEMS else {**shown, "…": f"({len(items)} items)"}
