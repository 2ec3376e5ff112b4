"""Which files of a repository or an archive a project can hold; the others are reported."""

from dataclasses import dataclass, field

from core.errors import Refused
from store.records import ReportLine
from tools.workspace.links import leads_to
from tools.workspace.paths import ancestors_of, composed, confine, folded
from tools.workspace.port import BadPath, RelPath

MOST_LINES = 200  # of a report
LINE_CHARS = 300

LFS_HEAD = b"version https://git-lfs.github.com/spec/v1\n"
LFS_MOST_BYTES = 1_024


@dataclass
class Report:
    """What was left out, and why; and what is not what it seems. The first lines of each."""

    skipped: list[ReportLine] = field(default_factory=list[ReportLine])
    skipped_count: int = 0
    notes: list[ReportLine] = field(default_factory=list[ReportLine])

    def skip(self, path: str, reason: str) -> None:
        """This file is not in the project."""
        self.skipped_count += 1
        if len(self.skipped) < MOST_LINES:
            self.skipped.append(_line(path, reason))

    def note(self, path: str, reason: str) -> None:
        """This file is in the project, and something is to be said of it."""
        if len(self.notes) < MOST_LINES:
            self.notes.append(_line(path, reason))


def _line(path: str, reason: str) -> ReportLine:
    shown = path if len(path) <= LINE_CHARS else f"{path[:LINE_CHARS]}…"
    clean = "".join(char if char.isprintable() else "�" for char in shown)
    return ReportLine(clean, reason[:LINE_CHARS])


class TooLarge(Refused):
    """It goes past a limit of this server."""

    code = "too_large"


class Skipped(Exception):
    """The project cannot hold this file; the text says why."""


class Names:
    """The names that were taken so far: a file that would stand where another does is skipped."""

    def __init__(self) -> None:
        self._files: dict[RelPath, str] = {}
        self._folders: dict[RelPath, str] = {}

    def take(self, name: bytes | str) -> str:
        """The path at which the file is to stand. Raises: Skipped."""
        path = _storable(name)
        plain = folded(RelPath(path))
        around = ancestors_of(RelPath(path))
        if plain in self._files:
            raise Skipped(_same(path, self._files[plain]))
        if plain in self._folders:
            raise Skipped(f"There is a folder {self._folders[plain]!r}")
        for folder in around:
            if (file := self._files.get(folded(folder))) is not None:
                raise Skipped(f"{file!r} is a file, not a folder")
        self._files[plain] = path
        for folder in around:
            self._folders.setdefault(folded(folder), folder)
        return path


def _storable(name: bytes | str) -> str:
    if isinstance(name, bytes):
        try:
            name = name.decode()
        except UnicodeDecodeError:
            raise Skipped("Its name is not UTF-8") from None
    try:
        path = confine(name)
    except BadPath as bad:
        raise Skipped(_why(str(bad))) from None
    if path != composed(name):
        raise Skipped("Its name is not a plain path")
    return path


def _why(text: str) -> str:
    """The sentence of a refusal, without the path and the advice for models."""
    sentence = text.removesuffix(" Give a path relative to the project, such as 'src/app.ts'.")
    return "Its name " + sentence.rpartition("' ")[2].rpartition('" ')[2]


def _same(path: str, other: str) -> str:
    if path == other:
        return "It is there twice, or in two spellings of one name (NFC and NFD)"
    return f"Its name differs from {other!r} only in case or in how letters are written"


def check_link(path: str, target: bytes) -> None:
    """A symbolic link may lead to places inside the project only. Raises: Skipped."""
    try:
        text = target.decode()
    except UnicodeDecodeError:
        raise Skipped("It is a symbolic link whose target is not UTF-8") from None
    if leads_to(RelPath(path), text) is None:
        raise Skipped(f"It is a symbolic link that leads out of the project, to {text[:100]!r}")


def check_size(size: int, limit: int) -> None:
    """A file has a largest size. Raises: Skipped."""
    if size > limit:
        raise Skipped(f"It has {in_words(size)}; a file may have {in_words(limit)}")


def is_lfs_pointer(data: bytes) -> bool:
    """Whether the file only names content that lies with Git LFS."""
    return len(data) < LFS_MOST_BYTES and data.startswith(LFS_HEAD)


def in_words(size: int) -> str:
    """A number of bytes for people."""
    if size < 1_000_000:  # noqa: PLR2004
        return f"{size / 1_000:.0f} kB"
    return f"{size / 1_000_000:.0f} MB"
