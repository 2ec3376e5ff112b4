"""Files of a project, and changes to them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from core.ids import FileId, ProjectId

FileKind = Literal["file", "folder"]
FileMode = Literal["executable", "symlink"]
"""What a file is that is not a regular one; the text of a link is the path that it leads to."""
NewMode = FileMode | Literal["regular"]
"""What a file shall be."""


@dataclass(frozen=True)
class FileEntry:
    """A file or folder without its content.

    `sha256` (hex, of the bytes) and a meaningful `size_bytes` are there for files only.
    `in_storage` says that the bytes are a stored blob: they are not UTF-8 text, or larger than a
    document may be.
    """

    file_id: FileId
    project_id: ProjectId
    path: str
    name: str
    kind: FileKind
    size_bytes: int
    version: int
    updated_at: datetime
    parent_id: FileId | None = None
    sha256: str | None = None
    mode: FileMode | None = None
    in_storage: bool = False


@dataclass(frozen=True)
class FileContent:
    """A file with its bytes."""

    entry: FileEntry
    data: bytes


@dataclass(frozen=True)
class WrittenFile:
    """`path` shall hold `data`; it held what `base_sha256` says, "" for nothing.

    Without a mode, one that is executable stays so, and any other is a regular file.
    """

    path: str
    data: bytes
    base_sha256: str
    mode: NewMode | None = None


@dataclass(frozen=True)
class DeletedFile:
    """The file or folder at `path` shall go."""

    path: str


@dataclass(frozen=True)
class RenamedFile:
    """What stands at `path` shall stand at `new_path`."""

    path: str
    new_path: str


@dataclass(frozen=True)
class NewFolder:
    """A folder shall stand at `path`, if only an empty one."""

    path: str


FileEdit = WrittenFile | DeletedFile | RenamedFile | NewFolder
"""A change that a tool call makes to a project."""


@dataclass(frozen=True)
class FileChanges:
    """What changed in a project after a version.

    `changed` are entries as they are now, `deleted` paths at which nothing stands now; apply
    deletions first, longest path first. Ask again with `version` while `has_more`. `is_full` says
    that the history does not go back to the version asked for: both lists are empty then, and only
    `Files.walk` tells what there is.
    """

    version: int
    changed: tuple[FileEntry, ...]
    deleted: tuple[str, ...]
    has_more: bool
    is_full: bool
