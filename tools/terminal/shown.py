"""What a model is shown of a program's output: as a terminal would show it, from both ends."""

HEAD_CHARS = 8_000
TAIL_CHARS = 16_000
MAX_LINE_CHARS = 2_000


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
