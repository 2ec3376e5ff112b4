"""Why a text that was to be replaced cannot be: with what the file really says there."""

import difflib
from collections.abc import Sequence
from itertools import islice

from tools.files.matching import Found, Level
from tools.workspace.port import RelPath

MAX_LINES_COMPARED = 5_000  # keeps the search for the nearest lines under about 100 ms
MAX_LINES_SQUEEZED = 50_000  # of the file: with the next line it bounds what is compared
MAX_LINES_WANTED = 500
MAX_LISTED = 10
CONTEXT_LINES = 2
_LIKE_ENOUGH = 0.6
_MAX_COMPARED_CHARS = 200

IGNORED: dict[Level, str] = {
    "exact": "nothing",
    "unicode": "the kind of quotes, dashes, spaces and accents",
    "spaces": "white space at line ends and the kind of quotes, dashes, spaces and accents",
}
"""What was not compared, by level."""


def explain_many(path: RelPath, text: str, found: Found, *, most: int) -> str:
    """Why several places are refused, and which they are."""
    starts = [start for start, _ in islice(found.spans, MAX_LISTED)]
    lines = [text.count("\n", 0, start) + 1 for start in starts]
    count = max(len(found.spans), 2)  # the second may overlap the first
    listed = ", ".join(str(line) for line in lines) + (" ..." if count > len(lines) else "")
    number = f"more than {most:,}" if count > most else str(count)
    how = f" (ignoring {IGNORED[found.level]})" if found.level != "exact" else ""
    return (
        f"oldString occurs {number} times in {path}{how} (lines {listed}), so nothing was changed. "
        "Add lines before or after it until it is unique, or set replaceAll."
    )


def explain_no_match(path: RelPath, text: str, wanted: str) -> str:
    """What is in the file instead. Takes up to a tenth of a second: call it from a thread."""
    start = f"oldString does not occur in {path}, so nothing was changed."
    lines = text.split("\n", MAX_LINES_SQUEEZED)[:MAX_LINES_SQUEEZED]
    return f"{start} {what_is_there(lines, wanted.split(chr(10)))}"


def what_is_there(lines: Sequence[str], wanted: Sequence[str]) -> str:
    """The lines of a file that come nearest to those that were wanted."""
    at = _same_but_for_spaces(lines, wanted)
    if at is not None:
        return (
            "These lines differ from it in white space only; copy them exactly:\n"
            f"{_quote(lines, at, len(wanted))}"
        )
    at = _nearest(lines, wanted)
    if at is None:
        return "Nothing in the file is like it. Read the file again."
    return (
        f"The nearest lines are:\n{_quote(lines, at, len(wanted))}\n"
        "Use the text of the file exactly as it is there, without the line numbers."
    )


def _same_but_for_spaces(lines: Sequence[str], wanted: Sequence[str]) -> int | None:
    """The first line of a place that has the wanted ones, if white space is left out."""
    squeezed = ["".join(line.split()) for line in wanted]
    while squeezed and not squeezed[-1]:
        squeezed.pop()
    if not any(squeezed) or len(squeezed) > MAX_LINES_WANTED:
        return None
    plain = ["".join(line.split()) for line in lines]
    for at in range(len(plain) - len(squeezed) + 1):
        if plain[at : at + len(squeezed)] == squeezed:
            return at
    return None


def _nearest(lines: Sequence[str], wanted: Sequence[str]) -> int | None:
    """Where the most telling line of the wanted ones would stand, less its place among them."""
    place, key = max(enumerate(wanted), key=lambda pair: len(pair[1].strip()))
    key = key.strip()[:_MAX_COMPARED_CHARS]
    matcher = difflib.SequenceMatcher(autojunk=False)
    matcher.set_seq2(key)
    best, best_ratio = None, _LIKE_ENOUGH
    for at, line in enumerate(lines[:MAX_LINES_COMPARED]):
        matcher.set_seq1(line.strip()[:_MAX_COMPARED_CHARS])
        if matcher.real_quick_ratio() < best_ratio or matcher.quick_ratio() < best_ratio:
            continue
        ratio = matcher.ratio()
        if ratio > best_ratio or (best is None and ratio >= best_ratio):
            best, best_ratio = at, ratio
    return None if best is None else max(0, best - place)


def _quote(lines: Sequence[str], at: int, count: int) -> str:
    """Lines of a file with their numbers, and some around them."""
    first = max(0, at - CONTEXT_LINES)
    last = min(len(lines), at + min(count, MAX_LISTED) + CONTEXT_LINES)
    return "\n".join(
        f"{number + 1}: {lines[number][:_MAX_COMPARED_CHARS]}" for number in range(first, last)
    )
