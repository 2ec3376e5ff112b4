"""How a file was changed, for people: a unified diff, quick and bounded for any file."""

import asyncio
import difflib
from collections.abc import Sequence
from itertools import takewhile
from operator import eq

from tools.output import MAX_DIFF_CHARS, MAX_PARTS_BYTES, PARTS, DiffPart, MoreFilesPart, Part
from tools.text import decode
from tools.workspace.edits import FileChange

CONTEXT_LINES = 3
MAX_FILES = 200  # of one call
MAX_COMPARED_LINES = 2_000  # of what differs, each side: comparing takes the square of it, 0.2 s
MAX_TEXT_BYTES = 1024 * 1024  # larger files have no diff


async def diff_parts(changes: Sequence[FileChange], *, of: int | None = None) -> tuple[Part, ...]:
    """What a call has done to files, one part a file; what is beyond the bounds is counted.

    `of` so many changed files these are the first, where the others were not read.
    """
    parts: list[Part] = []
    size = 0
    for change in changes[:MAX_FILES]:
        part = await asyncio.to_thread(diff_part, change)
        size += len(PARTS.dump_json((part,)))
        if size > MAX_PARTS_BYTES:
            break
        parts.append(part)
    more = (len(changes) if of is None else of) - len(parts)
    return (*parts, MoreFilesPart(more)) if more else tuple(parts)


def diff_part(change: FileChange) -> DiffPart:
    """The part that shows the change. Takes up to a second: call it from a thread."""
    before, after = _lines(change.before), _lines(change.after)
    kind = "changed"
    if change.before is None:
        kind = "created"
    elif change.after is None:
        kind = "deleted"
    elif change.old_path is not None:
        kind = "renamed"
    if before is None or after is None:
        is_large = len(change.before or b"") + len(change.after or b"") > MAX_TEXT_BYTES
        return DiffPart(change.path, kind, old_path=change.old_path, is_cut=is_large)
    lines = _unified(before, after)
    shown, size = 0, 0
    for line in lines:
        size += len(line) + 1
        if size > MAX_DIFF_CHARS:
            break
        shown += 1
    return DiffPart(
        change.path,
        kind,
        diff="\n".join(lines[:shown]),
        added=sum(line.startswith("+") for line in lines),
        removed=sum(line.startswith("-") for line in lines),
        old_path=change.old_path,
        is_cut=shown < len(lines),
    )


def _lines(data: bytes | None) -> list[str] | None:
    """None: it is not text, or too large to compare."""
    if data is None:
        return []
    file = decode(data) if len(data) <= MAX_TEXT_BYTES else None
    if file is None:
        return None
    return file.text.removesuffix("\n").split("\n") if file.text else []


def _unified(before: list[str], after: list[str]) -> list[str]:
    """The hunks of a unified diff; what both begin and end with is not compared."""
    most = min(len(before), len(after))
    start = sum(1 for _ in takewhile(bool, map(eq, before, after)))
    end = sum(1 for _ in takewhile(bool, map(eq, reversed(before), reversed(after))))
    end = min(end, most - start)
    first = max(0, start - CONTEXT_LINES)
    old = before[first : len(before) - max(0, end - CONTEXT_LINES)]
    new = after[first : len(after) - max(0, end - CONTEXT_LINES)]
    if max(len(old), len(new)) > MAX_COMPARED_LINES + 2 * CONTEXT_LINES:
        at = [first + 1 if lines else 0 for lines in (old, new)]
        hunk = f"@@ -{at[0]},{len(old)} +{at[1]},{len(new)} @@"
        head, tail = before[first:start], before[len(before) - end :][:CONTEXT_LINES]
        gone = before[start : len(before) - end]
        come = after[start : len(after) - end]
        return [
            hunk,
            *(f" {line}" for line in head),
            *(f"-{line}" for line in gone),
            *(f"+{line}" for line in come),
            *(f" {line}" for line in tail),
        ]
    hunks = list(difflib.unified_diff(old, new, lineterm="", n=CONTEXT_LINES))[2:]
    return [_moved(line, first) if line.startswith("@@") else line for line in hunks]


def _moved(header: str, lines: int) -> str:
    """The header of a hunk that was compared from that line on."""
    numbers: list[str] = []
    for sign, span in zip("-+", header.split()[1:3], strict=True):
        at, comma, count = span[1:].partition(",")
        numbers.append(f"{sign}{int(at) + lines}{comma}{count}")
    return f"@@ {' '.join(numbers)} @@"
