"""What a model is shown of a program's output: as a terminal would show it, from both ends."""

import re

HEAD_CHARS = 8_000
TAIL_CHARS = 16_000
MAX_LINE_CHARS = 2_000

_ESCAPE = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)|[@-Z\\-_])")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def cleaned(output: bytes) -> str:
    """Its text without colours, control characters and what a progress bar wrote over."""
    text = _ESCAPE.sub("", output.decode(errors="replace")).replace("\r\n", "\n")
    if "\r" in text:
        text = "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))
    return _CONTROL.sub("\ufffd", text)


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
