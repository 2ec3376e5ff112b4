"""Which texts can be kept and sent: UTF-8 has no half a character, PostgreSQL no NUL.

A lone surrogate is half a character. JSON may escape one, and a stream may cut a pair apart.
"""

import re
from collections.abc import Mapping, Sequence
from typing import cast

PROBLEM = "holds a NUL or half a character, which cannot be stored"

CONTROLS = "\x00-\x1f\x7f-\x9f\u2028\u2029"
"""Control characters and ends of lines, to stand between the brackets of a pattern."""

ESCAPE_SEQUENCE = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)|[@-Z\\-_])")
CONTROL_CHARACTER = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def has_surrogates(text: str) -> bool:
    """Whether there is half a character in it: then it has no UTF-8."""
    if text.isascii():
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def without_surrogates(text: str) -> str:
    """The text with its surrogate pairs joined, and each lone half replaced by U+FFFD."""
    if not has_surrogates(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def is_storable(text: str) -> bool:
    """Whether every database can hold it: there is no NUL in it and no half of a character."""
    return "\0" not in text and not has_surrogates(text)


def storable_text(data: bytes) -> str | None:
    """The text that bytes are; None when they are not UTF-8 or hold a NUL."""
    if b"\0" in data:
        return None
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


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


def printed_text(output: bytes) -> str:
    """What a program printed, without colours, control characters and overwritten progress."""
    text = ESCAPE_SEQUENCE.sub("", output.decode(errors="replace")).replace("\r\n", "\n")
    if "\r" in text:
        text = "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))
    return CONTROL_CHARACTER.sub("\ufffd", text)
