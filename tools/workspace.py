"""The port to a project's files: relative paths in, bytes out, nothing outside can be named."""

from dataclasses import dataclass
from typing import Literal, NewType, Protocol

from core.errors import Conflict, NotFound, Refused

RelPath = NewType("RelPath", str)
"""A path that `tools.paths.confine` has accepted: relative, `/`-separated, no `..`, no NUL."""


@dataclass(frozen=True)
class Entry:
    """One file or folder; `size_bytes` is 0 for a folder."""

    path: RelPath
    kind: Literal["file", "folder"]
    size_bytes: int


class Workspace(Protocol):
    """A project's files. Every method takes paths that were confined before."""

    async def read(self, path: RelPath) -> bytes:
        """The whole content. Raises: NoSuchFile, IsAFolder, TooLarge."""
        ...

    async def write(self, path: RelPath, data: bytes, *, expected_sha256: str | None) -> None:
        """Create or replace a file, with its parent folders, atomically.

        `expected_sha256` is the hash of the content that the caller last saw, "" for "it must not
        exist", or None for "whatever is there".

        Raises:
            Changed: the content is not the expected one.
            IsAFolder: a folder stands at `path`, or a file stands where a parent folder must be.
        """
        ...

    async def delete(self, path: RelPath) -> None:
        """Remove a file, or a folder with all that is in it. Raises: NoSuchFile."""
        ...

    async def rename(self, source: RelPath, target: RelPath) -> None:
        """Move a file or folder. Raises: NoSuchFile, AlreadyThere."""
        ...

    async def list_folder(self, path: RelPath) -> list[Entry]:
        """The direct children, folders first, then by name; "" is the root. Raises: NoSuchFile."""
        ...

    async def walk(self) -> list[Entry]:
        """Every file and folder, sorted by path."""
        ...


class NoSuchFile(NotFound):
    """Nothing stands at that path."""

    code = "file_not_found"


class BadPath(Refused):
    """The path leaves the workspace or cannot name a file."""

    code = "bad_path"


class IsAFolder(Conflict):
    """A folder stands where a file is wanted, or the reverse."""

    code = "is_a_folder"


class AlreadyThere(Conflict):
    """Something stands at the target already."""

    code = "already_exists"


class Changed(Conflict):
    """The file changed after the caller read it."""

    code = "file_changed"


class TooLarge(Refused):
    """The file is larger than a tool may read or write."""

    code = "file_too_large"
