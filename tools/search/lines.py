"""The lines of a project that match a pattern.

ripgrep says where the matches are, and not what stands there: the files that are shown are read
through the workspace, so that what is shown never comes from behind a link that was put there
meanwhile. Where there are too many matches in a file they are counted once more.
"""

import asyncio
from bisect import bisect_right
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.errors import Refused
from tools.place import Place
from tools.search.globs import Glob
from tools.search.listing import list_files, path_from, ripgrep
from tools.search.programs import RIPGREP, Output, run_program
from tools.text import is_binary
from tools.workspace.port import RelPath

MAX_LINE_CHARS = 200
BEFORE_MATCH_CHARS = 60  # of a line that is cut
BATCH_CHARS = 16_000_000  # of files that are searched in memory
MAX_TOLD = 1_000  # lines of a file; where there are more, they are counted
READ_AT_ONCE = 8  # files, each of 10 MiB at most
_PLACES = (
    *("--heading", "--null", "--line-number", "--column"),
    *("--max-columns=1", f"--max-count={MAX_TOLD}"),  # the lines are read with their files
)
_BINARY = b": WARNING: stopped searching binary file"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_MATCHING = ("--regex-size-limit=10M", "--dfa-size-limit=64M", "--crlf")


@dataclass(frozen=True)
class Wanted:
    """What is searched for: a regular expression, or a text as it stands."""

    pattern: str
    is_literal: bool
    is_case_sensitive: bool

    @property
    def options(self) -> list[str]:
        """As ripgrep takes them."""
        return [
            *_MATCHING,
            "--case-sensitive" if self.is_case_sensitive else "--ignore-case",
            *(["--fixed-strings"] if self.is_literal else []),
            f"--regexp={self.pattern}",
        ]


@dataclass(frozen=True)
class Match:
    """Where a line matches first."""

    path: RelPath
    line: int  # from 0
    column: int  # from 0, in characters


@dataclass(frozen=True)
class Searched:
    """What was found; `texts` are the lines of the files that have the matches.

    `count` is of all lines that match, `is_late` says that there was no time for the rest.
    """

    count: int
    matches: Sequence[Match]
    texts: Mapping[RelPath, Sequence[str]]
    is_late: bool = False


class NotARegex(Exception):
    """ripgrep cannot read the pattern; the text says why."""


async def search_lines(wanted: Wanted, glob: Glob | None, place: Place, *, most: int) -> Searched:
    """The lines that match, `most` of them at most, in the order of their paths.

    Raises: NotARegex.
    """
    if place.folder is None:
        return await _search_in_memory(wanted, glob, place, most)
    output = await ripgrep(place.folder, [*_PLACES, *wanted.options, "."], glob)
    _refuse_pattern(output)
    found = await asyncio.to_thread(_found, output.stdout, glob)
    many = [path for path, rows in found.items() if len(rows) >= MAX_TOLD]
    counted: Mapping[RelPath, int] = {}
    if (many or output.is_cut) and not output.is_late:
        counted = await _counted(wanted, glob, place.folder)
        for path in many:
            if path not in counted:  # further down it turned out to be binary
                del found[path]
    shown: list[RelPath] = []
    total = 0
    for path in sorted(found):
        if total >= most:
            break
        shown.append(path)
        total += len(found[path])
    texts = await _texts(shown, place)
    matches = [
        match
        for path in shown
        if path in texts
        for match in _matches_of(path, found[path][:most], texts[path])
    ]
    total = max(sum(map(len, found.values())), sum(counted.values()))
    return Searched(total, matches[:most], texts, output.is_late)


async def _counted(wanted: Wanted, glob: Glob | None, folder: Path) -> dict[RelPath, int]:
    """How many lines match in each file, where they are too many to be told one by one."""
    output = await ripgrep(folder, ["--count", "--null", *wanted.options, "."], glob)
    return await asyncio.to_thread(_counts, output.stdout, glob)


async def _search_in_memory(wanted: Wanted, glob: Glob | None, place: Place, most: int) -> Searched:
    """The same engine where there is no disk: it is given the files through a pipe."""
    count = 0
    matches: list[Match] = []
    kept: dict[RelPath, Sequence[str]] = {}
    batch: dict[RelPath, Sequence[str]] = {}
    size = 0
    paths = await list_files(place, glob)
    for at, path in enumerate(paths):
        batch |= await _texts([path], place)
        size += sum(map(len, batch.get(path, ())))
        if size < BATCH_CHARS and at + 1 < len(paths):
            continue
        found = await _matches(wanted, batch)
        count += len(found)
        matches += found[: most - len(matches)]
        kept |= {match.path: batch[match.path] for match in matches if match.path in batch}
        batch, size = {}, 0
    return Searched(count, matches, kept)


def _found(stdout: bytes, glob: Glob | None) -> dict[RelPath, Sequence[bytes]]:
    """By file, its matching lines as `number:column:…`; none of what turned out to be binary."""
    found: dict[RelPath, Sequence[bytes]] = {}
    for block in stdout.split(b"\n\n"):
        name, _, rows = block.partition(b"\0")
        path = path_from(name)
        if path is None or _BINARY in rows or (glob is not None and not glob.matches(path)):
            continue
        found[path] = rows.splitlines()
    return found


def _matches_of(path: RelPath, rows: Sequence[bytes], lines: Sequence[str]) -> Generator[Match]:
    for row in rows:
        number, _, rest = row.partition(b":")
        column = rest.partition(b":")[0]
        if not (number.isdigit() and column.isdigit() and int(number) <= len(lines)):
            continue  # cut off, or the file is another one by now
        line, before = lines[int(number) - 1], int(column) - 1
        yield Match(path, int(number) - 1, before if line.isascii() else _characters(line, before))


def _counts(stdout: bytes, glob: Glob | None) -> dict[RelPath, int]:
    counts: dict[RelPath, int] = {}
    for line in stdout.splitlines():
        name, _, count = line.rpartition(b"\0")
        path = path_from(name)
        if path is not None and count.isdigit() and (glob is None or glob.matches(path)):
            counts[path] = int(count)
    return counts


async def _texts(paths: Iterable[RelPath], place: Place) -> dict[RelPath, Sequence[str]]:
    """Their lines; without files that are gone, too large or not text."""
    wanted = list(paths)
    texts: dict[RelPath, Sequence[str]] = {}
    for start in range(0, len(wanted), READ_AT_ONCE):
        some = wanted[start : start + READ_AT_ONCE]
        read = await asyncio.gather(*(_text(path, place) for path in some))
        pairs = zip(some, read, strict=True)
        texts |= {path: lines for path, lines in pairs if lines is not None}
    return texts


async def _text(path: RelPath, place: Place) -> list[str] | None:
    try:
        return _lines(await place.files.read(path))
    except Refused:
        return None


def _lines(data: bytes) -> list[str] | None:
    if data.startswith(_UTF16):
        text = data.decode("utf-16", errors="replace")
    elif is_binary(data):
        return None
    else:
        text = data.decode("utf-8-sig", errors="replace")
    return text.removesuffix("\n").split("\n")


async def _matches(wanted: Wanted, texts: Mapping[RelPath, Sequence[str]]) -> list[Match]:
    """Where in these files: all of them one after the other, given to one program."""
    if not texts:
        return []
    paths = list(texts)
    begins: list[int] = []
    lines: list[str] = []
    for path in paths:
        begins.append(len(lines))
        lines += texts[path]
    options = ["--no-config", "--color=never", "--text", "--line-number", "--column"]
    quiet = ["--no-heading", "--max-columns=1"]  # the lines are here already
    output = await run_program(
        RIPGREP, [*options, *quiet, *wanted.options, "-"], stdin="\n".join(lines).encode()
    )
    _refuse_pattern(output)
    matches: list[Match] = []
    for found in output.stdout.splitlines():
        number, column = map(int, found.split(b":", 2)[:2])
        at = bisect_right(begins, number - 1) - 1
        line = lines[number - 1]
        before = column - 1 if line.isascii() else _characters(line, column - 1)
        matches.append(Match(paths[at], number - 1 - begins[at], before))
    return matches


def _characters(line: str, count_bytes: int) -> int:
    return len(line.encode()[:count_bytes].decode(errors="ignore"))


def _refuse_pattern(output: Output) -> None:
    if output.code == 2 and not output.stdout and output.stderr:  # noqa: PLR2004 - ripgrep's for a fault
        lines = [line.strip() for line in output.stderr.splitlines()]
        told = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
        raise NotARegex((told or [lines[0].removeprefix("rg: ")])[0])


def part_around(line: str, column: int) -> tuple[int, str]:
    """The line, or the part of a long one around a column; and the column at which it begins."""
    start = max(0, min(column - BEFORE_MATCH_CHARS, len(line) - MAX_LINE_CHARS))
    return start, line[start : start + MAX_LINE_CHARS]
