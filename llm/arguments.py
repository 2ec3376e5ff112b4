"""Arguments of tool calls: whole JSON objects, or no call at all."""

import json
from typing import Any, NoReturn, cast


def whole_object(text: str) -> dict[str, Any] | None:
    """The object that `text` is, or None where it is cut off, broken, or no object.

    An empty text is the empty object: providers send it for tools without parameters. Strings that
    cannot be written as UTF-8 and numbers that are no JSON (`NaN`) count as broken.
    """
    if not text.strip():
        return {}
    try:
        value = json.loads(text, strict=False, parse_constant=_no_number)
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
