"""Where the lines of a hunk stand in a file: as they are, or but for white space or typography."""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from tools.files.matching import plain

MAX_SEARCHED_CHARS = 500_000_000  # of one file, all searches together: about a second


def _plain_and_bare(line: str) -> str:
    return plain(line).strip()


LEVELS: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("", str),
    ("white space at line ends", str.rstrip),
    ("indentation", str.strip),
    ("indentation and the kind of quotes, dashes, spaces and accents", _plain_and_bare),
)
"""What is ignored, and how it is taken away; the strictest first, as Codex has them."""


@dataclass(frozen=True)
class Place:
    """A line, counted from 0; `also` is the next one where the same lines stand."""

    at: int
    ignored: str
    also: int | None


class TooMuchToSearch(Exception):
    """The hunks of a patch are too many for a file of that size."""


class Lines:
    """The lines of a file, to be searched again and again."""

    def __init__(self, text: str) -> None:
        self.lines = text.split("\n")
        if not self.lines[-1]:
            self.lines.pop()
        self._texts: dict[str, str] = {}
        self._starts: dict[str, list[int]] = {}
        self._searched = 0

    def seek(self, wanted: Sequence[str], start: int, *, at_end: bool = False) -> Place | None:
        """The first place from line `start` on where the lines stand; with `at_end`, the last.

        Raises: TooMuchToSearch.
        """
        for ignored, made_plain in LEVELS:
            if ignored not in self._texts:
                made = [made_plain(line) for line in self.lines]
                self._starts[ignored] = [0, *accumulate(len(line) + 1 for line in made)]
                self._texts[ignored] = "\n" + "".join(f"{line}\n" for line in made)
            needle = "\n" + "".join(f"{made_plain(line)}\n" for line in wanted)
            place = self._find(ignored, needle, start, len(wanted) if at_end else None)
            if place is not None:
                return place
        return None

    def _find(self, ignored: str, needle: str, start: int, at_end: int | None) -> Place | None:
        text, starts = self._texts[ignored], self._starts[ignored]
        if at_end is not None:
            at = len(self.lines) - at_end
            return Place(at, ignored, None) if at >= start and text.endswith(needle) else None
        self._searched += len(text) - starts[start]
        if self._searched > MAX_SEARCHED_CHARS:
            raise TooMuchToSearch
        found = text.find(needle, starts[start])
        if found < 0:
            return None
        other = text.find(needle, found + 1)
        return Place(
            bisect_left(starts, found), ignored, None if other < 0 else bisect_left(starts, other)
        )
