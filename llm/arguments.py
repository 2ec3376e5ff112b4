"""Arguments of tool calls: whole JSON objects, or no call at all."""

import json
from typing import Any, NoReturn, cast


def whole_object(text: str) -> dict[str, Any] | None:
    """The object that `text` is, or None where it is cut off, broken, or no object.

    An empty text and `null` are the empty object: providers send them for tools without
    parameters. An object that was encoded twice is decoded twice. Strings that cannot be written as
    UTF-8 and numbers that are no JSON (`NaN`) count as broken.
    """
    value = _decoded(text)
    if isinstance(value, str):
        value = _decoded(value)
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None


def text_of_arguments(value: object) -> str:
    """Arguments as text, also where a provider sends the object itself; "" where there are none."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    try:
        return json.dumps(value, ensure_ascii=False)
    except (ValueError, RecursionError):
        return "null, too deep"  # which is no object


def _decoded(text: str) -> object:
    if not text.strip():
        return {}
    try:
        value = json.loads(text, strict=False, parse_constant=_no_number)
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return False  # no object
    return {} if value is None else value


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
