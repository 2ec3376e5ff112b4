"""The port to a project's files: relative paths in, bytes out, nothing outside can be named.

A workspace follows no symbolic link by itself, not even one that stays inside: what it points to
can be changed between the check and the use, by a command that runs beside us. `links` follows
those that stay inside, name by name, to a path on which there is no link.
"""

from dataclasses import dataclass
from typing import Literal, NewType, Protocol

from core.errors import Conflict, NotFound, Refused

RelPath = NewType("RelPath", str)
"""A path that `paths.confine` has accepted: relative, `/`-separated, no `..`, no NUL."""


FileMode = Literal["regular", "executable", "symlink"]


@dataclass(frozen=True)
class Entry:
    """One file, folder, or symbolic link that stays inside.

    `size_bytes` is 0 for a folder. A link has a `target`: as it stands in the link, relative to the
    folder of the link.
    """

    path: RelPath
    kind: Literal["file", "folder", "link"]
    size_bytes: int
    is_executable: bool = False
    target: str = ""


@dataclass(frozen=True)
class Link:
    """A symbolic link on the way to a path, or at its end."""

    path: RelPath
    target: str


MAX_FILE_BYTES = 10 * 1024 * 1024  # what a tool may hold in memory; larger files are for commands


class Workspace(Protocol):
    """A project's files. Every method takes paths that were confined before.

    Names that `paths` would refuse, links that lead out, and special files such as sockets, are not
    listed. A name that stands there decomposed (NFD, as macOS writes them) is listed and found
    composed. Every method raises `NotAFile` where a symbolic link or a special file stands on the
    way, and `NotPermitted` where the system forbids it; `delete` and `rename` take a link itself.
    """

    async def read(self, path: RelPath) -> bytes:
        """The whole content, up to `MAX_FILE_BYTES`.

        Raises:
            NoSuchFile: nothing at `path`.
            IsAFolder: a folder stands there.
            NotAFolder: a file stands where a parent folder would be.
            TooLarge: it is longer than `MAX_FILE_BYTES`.
        """
        ...

    async def write(self, path: RelPath, data: bytes, *, expected_sha256: str | None) -> None:
        """Create or replace a file, with its parent folders, atomically; its mode is kept.

        `expected_sha256` is the hash of the content that the caller last saw, "" for "it must not
        exist", or None for "whatever is there".

        Raises:
            Changed: the content is not the expected one.
            IsAFolder: a folder stands at `path`.
            NotAFolder: a file stands where a parent folder must be.
            AlreadyThere: the path is new, and differs from an existing one in spelling only.
            TooLarge: `data` is longer than `MAX_FILE_BYTES`.
            DiskFull: there is no room; what was there before is intact.
        """
        ...

    async def delete(self, path: RelPath) -> None:
        """Remove a file, or a folder with all that is in it. Raises: NoSuchFile, NotAFolder."""
        ...

    async def rename(self, source: RelPath, target: RelPath) -> None:
        """Move a file or folder; parent folders of the target are made.

        Raises:
            NoSuchFile: nothing at `source`.
            AlreadyThere: something stands at `target`, if only in another spelling.
            NotAFolder: a file stands where a parent folder must be.
            BadPath: `target` is inside `source`, or something in it would get too long a path.
        """
        ...

    async def make_folder(self, path: RelPath) -> None:
        """Make a folder with its parents; one that is there already stays as it is.

        Raises:
            NotAFolder: a file stands at `path`, or where a parent folder must be.
            AlreadyThere: the path is new, and differs from an existing one in spelling only.
            DiskFull: there is no room.
        """
        ...

    async def list_folder(self, path: RelPath) -> list[Entry]:
        """The direct children, folders first, then by name; "" is the root.

        Raises:
            NoSuchFile: nothing at `path`.
            NotAFolder: a file stands there, or where a parent folder would be.
        """
        ...

    async def walk(self) -> list[Entry]:
        """Every file, folder and link, sorted by path."""
        ...

    async def first_link(self, path: RelPath) -> Link | None:
        """The first symbolic link on the way to a path, or at it, wherever it leads; or None."""
        ...


class NoSuchFile(NotFound):
    """Nothing stands at that path."""

    code = "file_not_found"

    def __init__(self, path: RelPath) -> None:
        super().__init__(f"File not found: {path}")
        self.path = path


class BadPath(Refused):
    """The path leaves the workspace or cannot name a file."""

    code = "bad_path"


class NotAFile(BadPath):
    """A symbolic link or a special file stands at `blocked`: there, or on the way."""

    def __init__(self, path: RelPath, blocked: RelPath) -> None:
        super().__init__(
            f"{path} is, or goes through, a symbolic link or special file. Tools do not follow "
            "those: use the path of the real file, if it is in the project."
        )
        self.blocked = blocked


class IsAFolder(Conflict):
    """A folder stands where a file is wanted."""

    code = "is_a_folder"

    def __init__(self, path: RelPath) -> None:
        super().__init__(f"{path} is a folder, not a file. Use listFiles to see what is in it.")
        self.path = path


class NotAFolder(Conflict):
    """A file stands where a folder is wanted: `file`, which is `path` or on the way to it."""

    code = "is_a_file"

    def __init__(self, path: RelPath, file: RelPath) -> None:
        super().__init__(
            f"{path} is a file, not a folder."
            if file == path
            else f"{path} is not possible: {file} is a file, not a folder."
        )
        self.path = path
        self.file = file


class AlreadyThere(Conflict):
    """Something stands at the target already."""

    code = "already_exists"

    def __init__(self, path: RelPath, existing: RelPath) -> None:
        if existing == path:
            text = f"{path} exists already. Choose another name, or delete it first."
        else:
            text = (
                f"{path} differs only in case from {existing}, which exists. Many systems take the "
                "two for one file: use the existing spelling or another name."
            )
        super().__init__(text)


class Changed(Conflict):
    """The file is not what the caller last saw."""

    code = "file_changed"

    def __init__(self, path: RelPath) -> None:
        super().__init__(
            f"{path} is not what it was when you last read it: someone changed, created or deleted "
            "it. Nothing was written. Read it again and decide anew."
        )
        self.path = path


class TooLarge(Refused):
    """The file is larger than a tool may read or write."""

    code = "file_too_large"

    def __init__(self, path: RelPath, size_bytes: int) -> None:
        super().__init__(
            f"{path} has {size_bytes:,} bytes; the limit is {MAX_FILE_BYTES:,}. Split it up."
        )


class NotPermitted(Refused):
    """The system does not let us."""

    code = "not_permitted"

    def __init__(self, path: RelPath) -> None:
        super().__init__(
            f"{path} cannot be used: the permissions of the file or of its folder forbid it."
        )


class DiskFull(Refused):
    """There is no room for the file."""

    code = "disk_full"

    def __init__(self, path: RelPath) -> None:
        super().__init__(
            f"There is no room left to write {path}; the file is as it was before. Delete what is "
            "not needed, or tell the user that the project's storage is full."
        )
