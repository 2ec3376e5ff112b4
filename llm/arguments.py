"""Arguments of tool calls: whole JSON objects, or no call at all."""

import json
from typing import Any, cast


def whole_object(text: str) -> dict[str, Any] | None:
    """The object that `text` is, or None where it is cut off, broken, or no object.

    An empty text is the empty object: providers send it for tools without parameters.
    """
    if not text.strip():
        return {}
    try:
        value = json.loads(text, strict=False)
    except ValueError:
        return None
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None
