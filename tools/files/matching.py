"""Where a text stands in a file: exactly, or but for typography or white space at line ends."""

import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, islice
from typing import Literal

Level = Literal["exact", "unicode", "spaces"]

MAX_TOLERANT_CHARS = 2_000_000  # of the file: making all of it plain takes 0.3 s

MAX_LETTER_CHARS = 64  # with all its marks: composing takes the square of it
MAX_SORTED_CHARS = 1_000  # are composed whatever they are

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
    return line if line.isascii() else _composed(line).translate(_TYPOGRAPHIC)


def _composed(line: str) -> str:
    """NFC, unless a letter has so many marks that sorting them would take for ever."""
    if len(line) > MAX_SORTED_CHARS:
        marks = 0
        for char in line:
            marks = marks + 1 if unicodedata.combining(char) else 0
            if marks > MAX_LETTER_CHARS:
                return line
    return unicodedata.normalize("NFC", line)


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
        self._letters: dict[int, _Letters] = {}

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
        if line not in self._letters:
            self._letters[line] = _letters_of(self._lines[line])
        column = self._letters[line].column(place - self._plain_starts[line])
        return None if column is None else self._starts[line] + column


@dataclass(frozen=True)
class _Letters:
    """Where the letters of a line begin as it is, and composed; both empty: at the same places."""

    starts: list[int]
    composed_starts: list[int]

    def column(self, composed_column: int) -> int | None:
        """Where it is as the line is; None within a letter."""
        if not self.starts:
            return composed_column
        at = bisect_left(self.composed_starts, composed_column)
        is_start = at < len(self.starts) and self.composed_starts[at] == composed_column
        return self.starts[at] if is_start else None


def _letters_of(line: str) -> _Letters:
    if line.isascii() or _composed(line) == line:
        return _Letters([], [])
    starts, composed_starts = [0], [0]
    letter, composed = "", ""
    for at, char in enumerate(line):
        both = _composed(letter + char)
        if letter and both == composed + char and not unicodedata.combining(char):
            starts.append(at)
            composed_starts.append(composed_starts[-1] + len(composed))
            letter, composed = char, _composed(char)
        else:
            letter, composed = letter + char, both
    starts.append(len(line))
    composed_starts.append(composed_starts[-1] + len(composed))
    return _Letters(starts, composed_starts)


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
