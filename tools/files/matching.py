"""Where a text stands in a file: exactly, or but for typography or white space at line ends."""

import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, islice
from typing import Literal

Level = Literal["exact", "unicode", "spaces"]

MAX_TOLERANT_CHARS = 2_000_000  # of the file: making all of it plain takes 0.3 s

MAX_LETTER_CHARS = 64  # with all its marks: composing takes the square of it

_ALIKE = {
    "-": "\u2010\u2011\u2012\u2013\u2014\u2015\u2212",
    "'": "\u2018\u2019\u201a\u201b",
    '"': "\u201c\u201d\u201e\u201f",
    " ": "\u00a0\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000",
}
_TYPOGRAPHIC = {ord(char): plain for plain, chars in _ALIKE.items() for char in chars}

Span = tuple[int, int]


@dataclass(frozen=True)
class Found:
    """The places of a text in a file, at the strictest level that has any.

    `spans` do not overlap and are in order; `is_only` says that there is no other place, not even
    one that overlaps.
    """

    level: Level
    spans: list[Span]
    is_only: bool


def plain(line: str) -> str:
    """A text with composed letters (NFC), and plain quotes, dashes and spaces."""
    return line if line.isascii() else unicodedata.normalize("NFC", line).translate(_TYPOGRAPHIC)


def find(text: str, wanted: str, *, most: int) -> Found | None:
    """The places of `wanted`, up to `most` and one; None for none at any level."""
    exact = list(islice(occurrences(text, wanted), most + 1))
    if exact:
        is_only = len(exact) == 1 and text.find(wanted, exact[0][0] + 1) < 0
        return Found("exact", exact, is_only)
    if len(text) > MAX_TOLERANT_CHARS:
        return None
    lines = text.split("\n")
    plain_lines = [plain(line) for line in lines]
    wanted_lines = [plain(line) for line in wanted.split("\n")]
    places = _Places(lines, plain_lines)
    found = _find(places, "\n".join(wanted_lines), most=most, level="unicode")
    if found is not None:
        return found
    bare = [line.rstrip() for line in wanted_lines]
    if not any(bare):
        return None
    # Where its last line has lost white space, that of the file may not go on behind it.
    to_line_end = bare[-1] != wanted_lines[-1]
    places = _Places(lines, [line.rstrip() for line in plain_lines], to_line_end=to_line_end)
    return _find(places, "\n".join(bare), most=most, level="spaces")


def occurrences(text: str, wanted: str) -> Iterator[Span]:
    """Where exactly it stands, one after the other."""
    found = text.find(wanted)
    while found >= 0:
        yield found, found + len(wanted)
        found = text.find(wanted, found + len(wanted))


class _Places:
    """From places in plain lines to those in the lines as they are."""

    def __init__(
        self, lines: list[str], plain_lines: list[str], *, to_line_end: bool = False
    ) -> None:
        self.plain_text = "\n".join(plain_lines)
        self._lines = lines
        self._plain_lines = plain_lines
        self._starts = _starts(lines)
        self._plain_starts = _starts(plain_lines)
        self._to_line_end = to_line_end

    def original(self, found: Span) -> Span | None:
        """None where it begins or ends within a letter, or goes on in its line and may not."""
        start, end = self._original(found[0]), self._original(found[1])
        if start is None or end is None:
            return None
        if self._to_line_end:
            line = bisect_right(self._plain_starts, found[1]) - 1
            if found[1] != self._plain_starts[line] + len(self._plain_lines[line]):
                return None
            end = self._starts[line] + len(self._lines[line])
        return start, end

    def _original(self, place: int) -> int | None:
        line = bisect_right(self._plain_starts, place) - 1
        column = _column(self._lines[line], place - self._plain_starts[line])
        return None if column is None else self._starts[line] + column


def _find(places: _Places, wanted: str, *, most: int, level: Level) -> Found | None:
    spans = [
        span
        for found in islice(occurrences(places.plain_text, wanted), most + 1)
        if (span := places.original(found)) is not None
    ]
    if not spans:
        return None
    overlapping = places.plain_text.find(wanted, places.plain_text.find(wanted) + 1)
    return Found(level, spans, len(spans) == 1 and overlapping < 0)


def _starts(lines: list[str]) -> list[int]:
    return [0, *accumulate(len(line) + 1 for line in lines[:-1])]


def _column(line: str, plain_column: int) -> int | None:
    """The column in a line of what stands at another in the same line, composed."""
    if line.isascii() or unicodedata.is_normalized("NFC", line):
        return plain_column
    left = plain_column
    for start, letter in _letters(line):
        if left <= 0:
            return start if left == 0 else None
        if len(letter) > MAX_LETTER_CHARS:
            return None
        left -= len(unicodedata.normalize("NFC", letter))
    return len(line) if left == 0 else None


def _letters(line: str) -> Iterator[tuple[int, str]]:
    """Pieces that are composed each for itself, with where they begin."""
    start, letter, composed = 0, "", ""
    for at, char in enumerate(line):
        if len(letter) > MAX_LETTER_CHARS:
            break
        both = unicodedata.normalize("NFC", letter + char)
        if letter and both == composed + char and not unicodedata.combining(char):
            yield start, letter
            start, letter, composed = at, char, unicodedata.normalize("NFC", char)
        else:
            letter, composed = letter + char, both
    if letter:
        yield start, letter
