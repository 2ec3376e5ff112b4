"""A patch as a value: what to do to which file. Nothing here looks at a file.

The grammar is that of Codex:

    *** Begin Patch
    *** Add File: <path>        then lines that begin with +
    *** Delete File: <path>
    *** Update File: <path>     then perhaps *** Move to: <path>, then hunks
    *** End Patch

A hunk begins with `@@`, perhaps with a line of the file that stands above it, has lines that begin
with a space, - or +, and may end with `*** End of File`.
"""

import re
from dataclasses import dataclass
from typing import Literal

from core.errors import Refused
from tools.workspace.paths import confine
from tools.workspace.port import RelPath

MAX_OPERATIONS = 100
MAX_HUNKS = 1_000

_BEGIN, _END = "*** Begin Patch", "*** End Patch"
_ADD, _DELETE, _UPDATE = "*** Add File:", "*** Delete File:", "*** Update File:"
_MOVE, _END_OF_FILE = "*** Move to:", "*** End of File"
_UNIFIED = re.compile(r"-\d+(?:,\d+)? \+\d+(?:,\d+)? @@")  # git's, whose numbers are not trusted
_HERE_DOCUMENT = re.compile(r"(?:apply_patch\s+)?<<\s*['\"]?(\w+)['\"]?")


Kind = Literal[" ", "-", "+"]
_KINDS: dict[str, Kind] = {" ": " ", "-": "-", "+": "+"}


@dataclass(frozen=True)
class Line:
    """A line of a hunk: it stays, goes or comes."""

    kind: Kind
    text: str


@dataclass(frozen=True)
class Hunk:
    """A change of lines that follow one another; `above` are lines that stand before it.

    `number` is the line of the patch on which it begins.
    """

    number: int
    above: tuple[str, ...]
    lines: tuple[Line, ...]
    is_at_end: bool

    @property
    def old(self) -> list[str]:
        """The lines that must be in the file."""
        return [line.text for line in self.lines if line.kind != "+"]

    @property
    def new(self) -> list[str]:
        """The lines that are there afterwards."""
        return [line.text for line in self.lines if line.kind != "-"]


@dataclass(frozen=True)
class AddFile:
    """Create a file."""

    path: RelPath
    text: str


@dataclass(frozen=True)
class DeleteFile:
    """Remove a file."""

    path: RelPath


@dataclass(frozen=True)
class UpdateFile:
    """Change a file, move it, or both."""

    path: RelPath
    move_to: RelPath | None
    hunks: tuple[Hunk, ...]


Operation = AddFile | DeleteFile | UpdateFile


class BadPatch(Refused):
    """The text is no patch; nothing was changed."""

    code = "bad_patch"

    def __init__(self, problem: str, line: int | None = None) -> None:
        where = "" if line is None else f" on line {line}"
        super().__init__(f"The patch is not valid{where}, so nothing was changed: {problem}")


def parse(text: str) -> tuple[Operation, ...]:
    """The operations of a patch, in their order. Raises: BadPatch, BadPath."""
    reader = _Reader(_inside(text.replace("\r\n", "\n").strip().split("\n")))
    operations: list[Operation] = []
    while reader.has_more:
        if not reader.line.strip():
            reader.advance()
            continue
        if len(operations) == MAX_OPERATIONS:
            raise BadPatch(f"it has more than {MAX_OPERATIONS} files. Split it up.", reader.number)
        operations.append(_operation(reader))
    if not operations:
        raise BadPatch(f"it changes no file. Between {_BEGIN!r} and {_END!r} stands a header.")
    if sum(len(each.hunks) for each in operations if isinstance(each, UpdateFile)) > MAX_HUNKS:
        raise BadPatch(f"it has more than {MAX_HUNKS:,} hunks. Split it up.")
    return tuple(operations)


class _Reader:
    """The lines of a patch, one after the other."""

    def __init__(self, lines: list[tuple[int, str]]) -> None:
        self._lines = lines
        self._at = 0

    @property
    def has_more(self) -> bool:
        return self._at < len(self._lines)

    @property
    def line(self) -> str:
        return self._lines[self._at][1]

    @property
    def number(self) -> int:
        return self._lines[self._at][0]

    def advance(self) -> str:
        self._at += 1
        return self._lines[self._at - 1][1]


def _inside(lines: list[str]) -> list[tuple[int, str]]:
    """The numbered lines between the markers; a here-document or a fence around them is left."""
    numbered = list(enumerate(lines, start=1))
    wrapped = _HERE_DOCUMENT.fullmatch(lines[0].strip())
    last = wrapped[1] if wrapped else "```" if lines[0].startswith("```") else None
    if lines[-1].strip() == last:
        numbered = numbered[1:-1]
    if not numbered or numbered[0][1].strip() != _BEGIN:
        raise BadPatch(f"its first line must be {_BEGIN!r}.")
    if numbered[-1][1].strip() != _END:
        raise BadPatch(f"its last line must be {_END!r}; one that was cut off is not applied.")
    return numbered[1:-1]


def _operation(reader: _Reader) -> Operation:
    number, header = reader.number, reader.advance().strip()
    if header.startswith(_ADD):
        return AddFile(_path(header, _ADD), _added(reader))
    if header.startswith(_DELETE):
        return DeleteFile(_path(header, _DELETE))
    if header.startswith(_UPDATE):
        path = _path(header, _UPDATE)
        move_to = None
        if reader.has_more and reader.line.strip().startswith(_MOVE):
            move_to = _path(reader.advance().strip(), _MOVE)
        hunks = _hunks(reader)
        if not hunks and move_to is None:
            raise BadPatch(f"the update of {path} has no hunk.", number)
        return UpdateFile(path, move_to, hunks)
    raise BadPatch(
        f"{header[:200]!r} is no header. Headers are '{_ADD} <path>', '{_DELETE} <path>' and "
        f"'{_UPDATE} <path>'.",
        number,
    )


def _path(header: str, marker: str) -> RelPath:
    return confine(header.removeprefix(marker).strip())


def _added(reader: _Reader) -> str:
    lines: list[str] = []
    while reader.has_more and not reader.line.startswith("*** "):
        line = reader.line
        if not line.startswith("+"):
            if not line.strip():  # between two files
                reader.advance()
                continue
            raise BadPatch(
                f"every line of a file that is added begins with +: {line[:200]!r}", reader.number
            )
        lines.append(reader.advance()[1:] + "\n")
    return "".join(lines)


def _hunks(reader: _Reader) -> tuple[Hunk, ...]:
    hunks: list[Hunk] = []
    while reader.has_more and not reader.line.startswith("*** "):
        if not reader.line.strip():  # between two hunks
            reader.advance()
            continue
        if hunks and not reader.line.startswith("@@"):
            raise BadPatch(f"a hunk begins with @@, not with {reader.line[:200]!r}", reader.number)
        hunks.append(_hunk(reader))
    return tuple(hunks)


def _hunk(reader: _Reader) -> Hunk:
    number = reader.number
    above: list[str] = []
    while reader.has_more and reader.line.startswith("@@"):
        named = reader.advance()[2:].strip(" ")
        if named and not _UNIFIED.match(named):
            above.append(named.removesuffix(" @@"))
    lines: list[Line] = []
    is_at_end = False
    while reader.has_more and not reader.line.startswith("@@"):
        line = reader.line
        if line.rstrip() == _END_OF_FILE:
            reader.advance()
            is_at_end = True
            break
        if line.startswith("*** "):
            break
        if not line:
            lines.append(Line(" ", ""))  # an empty line that stays, without its space
        elif (kind := _KINDS.get(line[0])) is not None:
            lines.append(Line(kind, line[1:]))
        else:
            raise BadPatch(
                "every line of a hunk begins with a space (it stays), - (it goes) or + (it "
                f"comes): {line[:200]!r}",
                reader.number,
            )
        reader.advance()
    if not lines:
        raise BadPatch("the hunk has no lines.", number)
    return Hunk(number, tuple(above), tuple(lines), is_at_end)
