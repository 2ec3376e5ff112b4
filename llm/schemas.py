"""JSON Schema in the part that a provider takes."""

from collections.abc import Mapping, Set
from typing import Any, cast

_NAMED = ("properties", "patternProperties", "$defs", "definitions")  # hold names, not keywords


def without_keywords(schema: Mapping[str, Any], keywords: Set[str]) -> dict[str, Any]:
    """The schema without those keywords at any depth.

    Names of properties and definitions stay, whatever they are, and so do `const`, `default` and
    the values of an `enum`, which are data.
    """
    if not keywords:
        return dict(schema)
    return {
        key: _below(key, value, keywords) for key, value in schema.items() if key not in keywords
    }


def _below(key: str, value: object, keywords: Set[str]) -> object:
    if key in {"const", "default", "enum", "examples"}:
        return value
    if key in _NAMED and isinstance(value, Mapping):
        named = cast("Mapping[str, object]", value)
        return {name: _below("", each, keywords) for name, each in named.items()}
    if isinstance(value, Mapping):
        return without_keywords(cast("Mapping[str, Any]", value), keywords)
    if isinstance(value, list):
        return [_below("", each, keywords) for each in cast("list[object]", value)]
    return value
