"""The hunks of a patch, made in the text of one file."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from core.errors import Refused
from tools.files.explaining import MAX_LINES_SQUEEZED, what_is_there
from tools.files.patch.grammar import Hunk, Line
from tools.files.patch.seeking import Lines, Place, TooMuchToSearch
from tools.text import TextFile
from tools.workspace.port import RelPath


class HunkDoesNotFit(Refused):
    """The lines of a hunk are not in the file."""

    code = "hunk_refused"


@dataclass(frozen=True)
class Patched:
    """The file afterwards, and what is to be said of hunks that did not fit exactly."""

    data: bytes
    remarks: tuple[str, ...]


@dataclass(frozen=True)
class _Run:
    """Lines from `first` to before `last` that are replaced."""

    first: int
    last: int
    new: list[str]


def patched(path: RelPath, file: TextFile, hunks: Sequence[Hunk]) -> Patched:
    """Make the hunks in their order; every line that they do not take away keeps its bytes.

    Takes up to some seconds for a large file: call it from a thread. Raises: HunkDoesNotFit.
    """
    lines = Lines(file.text)
    runs: list[_Run] = []
    remarks: list[str] = []
    at = 0
    for number, hunk in enumerate(hunks, start=1):
        name = f"hunk {number} of {path} (line {hunk.number} of the patch)"
        try:
            at = _below(name, hunk, lines, at)
            if not hunk.old:
                there = at if hunk.above and not hunk.is_at_end else len(lines.lines)
                runs.append(_Run(there, there, hunk.new))
                continue
            place, fitting = _seek(name, hunk, lines, at)
        except TooMuchToSearch:
            raise HunkDoesNotFit(
                f"{path} has too many hunks for a file of its size. Give fewer at a time."
            ) from None
        runs += _runs(place.at, fitting)
        at = place.at + sum(line.kind != "+" for line in fitting)
        remarks += _remarks(name, place)
    return Patched(_with(file, lines, runs), tuple(remarks))


def _below(name: str, hunk: Hunk, lines: Lines, at: int) -> int:
    """The line below those that are to stand above the hunk."""
    for above in hunk.above:
        place = lines.seek([above], at)
        if place is None:
            raise HunkDoesNotFit(
                f"{name} does not fit: no line {above[:200]!r} stands after line {at}. "
                + what_is_there(lines.lines[:MAX_LINES_SQUEEZED], [above])
            )
        at = place.at + 1
    return at


def _seek(name: str, hunk: Hunk, lines: Lines, at: int) -> tuple[Place, Sequence[Line]]:
    """Where the hunk fits, and its lines, perhaps without an empty one at its end."""
    fitting: Sequence[Line] = hunk.lines
    place = lines.seek(hunk.old, at, at_end=hunk.is_at_end)
    if place is None and len(fitting) > 1 and fitting[-1].kind != "+" and not fitting[-1].text:
        fitting = fitting[:-1]  # it stood for the end of the file, or between two hunks
        old = [line.text for line in fitting if line.kind != "+"]
        place = lines.seek(old, at, at_end=hunk.is_at_end) if old else None
    if place is None:
        raise HunkDoesNotFit(f"{name} does not fit: {_reason(hunk, lines, at)}")
    return place, fitting


def _reason(hunk: Hunk, lines: Lines, at: int) -> str:
    where = "at the end of the file" if hunk.is_at_end else f"in the file after line {at}"
    reason = f"its lines are not {where}."
    elsewhere = lines.seek(hunk.old, 0)
    if elsewhere is not None:
        return (
            f"{reason} They are at line {elsewhere.at + 1}: hunks stand in the order of the file."
        )
    made = lines.seek(hunk.new, 0) if hunk.new else None
    if made is not None and not made.ignored:
        return (
            f"{reason} What it would make of them is there already, at line {made.at + 1}: leave "
            "the hunk out if it was applied before."
        )
    return f"{reason} {what_is_there(lines.lines[:MAX_LINES_SQUEEZED], hunk.old)}"


def _runs(at: int, lines: Sequence[Line]) -> list[_Run]:
    """What goes and comes, without the lines that stay."""
    runs: list[_Run] = []
    first, new = at, list[str]()
    for line in (*lines, Line(" ", "")):
        if line.kind == "-":
            at += 1
        elif line.kind == "+":
            new.append(line.text)
        else:
            if at > first or new:
                runs.append(_Run(first, at, new))
            at += 1
            first, new = at, []
    return runs


def _remarks(name: str, place: Place) -> list[str]:
    remarks: list[str] = []
    if place.ignored:
        remarks.append(
            f"{name} was found at line {place.at + 1} by ignoring {place.ignored}; lines that it "
            "adds stand as you gave them."
        )
    if place.also is not None:
        remarks.append(
            f"{name} was made at line {place.at + 1}; the same lines also stand at line "
            f"{place.also + 1}."
        )
    return remarks


def _with(file: TextFile, lines: Lines, runs: list[_Run]) -> bytes:
    count, end = len(lines.lines), len(file.text)
    starts = [0, *accumulate(len(line) + 1 for line in lines.lines)]
    is_open = bool(file.text) and not file.text.endswith("\n")
    spans: list[tuple[int, int]] = []
    replacements: list[str] = []
    for run in sorted(runs, key=lambda run: (run.first, run.last)):
        new = "".join(f"{line}\n" for line in run.new)
        if is_open and run.last == count and new:  # the last line has no end, and gets none
            new = new[:-1] if run.first < count else f"\n{new[:-1]}"
        spans.append((min(starts[run.first], end), min(starts[run.last], end)))
        replacements.append(new)
    return file.with_each(spans, replacements)
