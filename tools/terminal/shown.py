"""What a model is shown of a program's output: as a terminal would show it, from both ends."""

import codecs
import re
from collections.abc import Callable

from core.text import CONTROL_CHARACTER, ESCAPE_SEQUENCE

HEAD_CHARS = 8_000
TAIL_CHARS = 16_000
MAX_LINE_CHARS = 2_000


_HALF = re.compile(r"(\x1b(\[[0-?]*[ -/]*|\][^\x07\x1b]*\x1b?)?|\r)\Z")  # of an escape or line end
MAX_HELD = 500


class Following:
    """Gives output on as it comes, without colours and control characters.

    What may be the first half of a character, of a line end or of a colour waits for the rest.
    """

    def __init__(self, show: Callable[[str], None]) -> None:
        self._show = show
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""

    def __call__(self, data: bytes) -> None:
        """Take the next bytes."""
        text = self._held + self._decoder.decode(data)
        half = _HALF.search(text)
        end = len(text) if half is None or len(text) - half.start() > MAX_HELD else half.start()
        text, self._held = text[:end], text[end:]
        text = ESCAPE_SEQUENCE.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
        if text:
            self._show(CONTROL_CHARACTER.sub("\ufffd", text))


def lines_cut(text: str) -> str:
    """With long lines cut short."""
    if len(text) <= MAX_LINE_CHARS:
        return text
    return "\n".join(
        line
        if len(line) <= MAX_LINE_CHARS
        else f"{line[:MAX_LINE_CHARS]} [... line cut: {len(line):,} characters]"
        for line in text.split("\n")
    )


def without_middle(ends: tuple[str, str, int], where: str = "") -> str:
    """The head and the tail, and between them how much is left out, and where it is."""
    head, tail, left_out = ends
    return f"{head}\n[... {left_out:,} characters left out{where} ...]\n\n{tail}"


def both_ends(text: str) -> tuple[str, str, int] | None:
    """The head, the tail, and how many characters stand between; None for a text that fits."""
    text = lines_cut(text)
    if len(text) <= HEAD_CHARS + TAIL_CHARS:
        return None
    head = text[:HEAD_CHARS]
    head = head[: head.rfind("\n") + 1] or head
    tail = text[-TAIL_CHARS:]
    tail = tail[tail.find("\n") + 1 :] or tail
    return head, tail, len(text) - len(head) - len(tail)
