"""Reading JSON that may be odd: a field may be null, missing, or of another type than documented.

No value makes these functions raise: what cannot be read as the wanted type is its empty value.
"""

import math
import re
from typing import Any, cast

from core.text import CONTROLS, without_surrogates

Json = dict[str, Any]

_WORD_CHARS = 256  # of an id or a name: many times the longest that providers use
_COUNT = 10**12  # more tokens than anybody was ever billed for in one answer
_DEPTH = 3  # of texts in parts in lists
_CONTROLS = re.compile(f"[{CONTROLS}]")  # PostgreSQL holds no NUL, and names go into run results


def object_in(value: object) -> Json:
    """An object; {} for everything else."""
    return cast("Json", value) if isinstance(value, dict) else {}


def objects_in(value: object) -> list[Json]:
    """The objects of a list; a lone object counts as a list of one."""
    if isinstance(value, dict):
        return [cast("Json", value)]
    if not isinstance(value, list):
        return []
    return [cast("Json", item) for item in cast("list[object]", value) if isinstance(item, dict)]


def text_in(value: object, *, depth: int = _DEPTH) -> str:
    """A text, or the texts of a list of parts (`"…"`, `{"type": "text", "text": "…"}`), joined."""
    match value:
        case str():
            return value
        case list() if depth:
            return "".join(text_in(part, depth=depth - 1) for part in cast("list[object]", value))
        case dict() if depth:
            part = cast("Json", value)
            return text_in(part.get("text", part.get("value")), depth=depth - 1)
        case _:
            return ""


def word_in(value: object) -> str:
    """A short text that names something (an id, a model, a kind); numbers count as written."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return _CONTROLS.sub("", without_surrogates(str(value)))[:_WORD_CHARS]


def count_in(value: object) -> int | None:
    """A number of things; None where it is none, or one that cannot be."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return int(value) if 0 <= value <= _COUNT else None
