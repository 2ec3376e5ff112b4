"""Which texts every database can hold: PostgreSQL takes neither NUL nor half a character."""

from collections.abc import Mapping, Sequence
from typing import cast

PROBLEM = "holds a NUL or half a character, which cannot be stored"


def is_storable(text: str) -> bool:
    """Whether there is no NUL in it and no lone surrogate, which has no UTF-8."""
    if "\0" in text:
        return False
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def unstorable_at(value: object) -> tuple[str | int, ...] | None:
    """Where in a JSON value the first text is that cannot be stored; None when all can.

    A name of an object that cannot be stored is told by the place of the object.
    """
    pending: list[tuple[tuple[str | int, ...], object]] = [((), value)]
    while pending:
        place, found = pending.pop()
        if isinstance(found, str):
            if not is_storable(found):
                return place
        elif isinstance(found, Mapping):
            table = cast("Mapping[object, object]", found)
            if not all(is_storable(str(name)) for name in table):
                return place
            pending += [((*place, str(name)), table[name]) for name in reversed(list(table))]
        elif isinstance(found, Sequence) and not isinstance(found, bytes | bytearray | memoryview):
            items = list(cast("Sequence[object]", found))
            pending += [((*place, at), items[at]) for at in reversed(range(len(items)))]
    return None
