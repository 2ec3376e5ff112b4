"""Thinking that models without a field for it write into their text, between `<think>` tags."""

from dataclasses import dataclass
from typing import Literal

_OPEN = ("<think>", "<thinking>")
_CLOSE = ("</think>", "</thinking>")


@dataclass(frozen=True)
class Piece:
    """The next characters of one kind."""

    kind: Literal["text", "thinking"]
    text: str


class ThinkTags:
    """Tells text from thinking while it streams; tags may be split over deltas.

    Only tags at the very start of the text count, white space aside, and directly after the end of
    another thought: further on they are something that the answer talks about.
    """

    def __init__(self) -> None:
        self._state: Literal["start", "inside", "after", "text"] = "start"
        self._held = ""
        self._tag = 0  # which of the tags began the thought
        self.unclosed = ""  # what has come of a thought whose end has not

    def feed(self, text: str) -> list[Piece]:
        """The pieces that are certain by now; what may become a tag waits for the next delta."""
        if self._state == "text":
            return [Piece("text", text)] if text else []
        self._held += text
        pieces: list[Piece] = []
        while self._step(pieces):
            pass
        return pieces

    def rest(self, *, is_whole: bool) -> list[Piece]:
        """What is left at the end.

        A thought without an end is the whole answer where the provider says that it `is_whole`:
        then the tag was no tag, and all of it comes as text.
        """
        held, self._held = self._held, ""
        if self._state == "inside":
            if is_whole and (self.unclosed + held).strip():
                return [Piece("text", _OPEN[self._tag] + self.unclosed + held)]
            return [Piece("thinking", held)] if held else []
        text = held.lstrip() if self._state == "after" else held
        return [Piece("text", text)] if text else []

    def _step(self, pieces: list[Piece]) -> bool:
        """Take what can be taken from what is held; whether there is more to look at."""
        match self._state:
            case "inside":
                return self._think(pieces)
            case "start" | "after":
                return self._begin()
            case "text":
                if self._held:
                    pieces.append(Piece("text", self._held))
                    self._held = ""
                return False

    def _begin(self) -> bool:
        stripped = self._held.lstrip()
        for number, tag in enumerate(_OPEN):
            if stripped.startswith(tag):
                self._tag, self._state = number, "inside"
                self._held = stripped.removeprefix(tag)
                return True
        if any(tag.startswith(stripped) for tag in _OPEN):
            return False  # nothing yet, or the beginning of a tag
        if self._state == "after":
            self._held = stripped
        self._state = "text"
        return True

    def _think(self, pieces: list[Piece]) -> bool:
        close = _CLOSE[self._tag]
        if not self.unclosed:  # the thought begins behind the line breaks, whenever they come
            self._held = self._held.lstrip("\n")
        thought, tag, after = self._held.partition(close)
        if not tag:
            keep = _overlap(self._held, close)
            thought, after = (
                self._held[: len(self._held) - keep],
                self._held[-keep:] if keep else "",
            )
        if thought:
            pieces.append(Piece("thinking", thought))
        self._held = after
        if not tag:
            self.unclosed += thought
            return False
        self._state, self.unclosed = "after", ""
        return True


def _overlap(text: str, tag: str) -> int:
    """How many characters at the end of the text may be the beginning of the tag."""
    return next(
        (
            size
            for size in range(min(len(tag) - 1, len(text)), 0, -1)
            if tag.startswith(text[-size:])
        ),
        0,
    )
