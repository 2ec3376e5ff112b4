"""Changes to a workspace as values, so that they can be kept together with what made them."""

from dataclasses import dataclass

from tools.workspace.port import FileMode, RelPath


@dataclass(frozen=True)
class Written:
    """A file was created or replaced; `base_sha256` is the hash of what it replaced, or "".

    Without a `mode`, one that is executable stays so. The data of a link is its target.
    """

    path: RelPath
    data: bytes
    base_sha256: str
    mode: FileMode | None = None


@dataclass(frozen=True)
class Deleted:
    """A file, or a folder with all that was in it, was removed."""

    path: RelPath


@dataclass(frozen=True)
class Renamed:
    """A file or folder was moved."""

    path: RelPath
    new_path: RelPath


@dataclass(frozen=True)
class MadeFolder:
    """A folder was made, with its parents."""

    path: RelPath


Edit = Written | Deleted | Renamed | MadeFolder


@dataclass(frozen=True)
class FileChange:
    """One file before and after: None where there is none. `old_path`: it was moved from there."""

    path: RelPath
    before: bytes | None
    after: bytes | None
    old_path: RelPath | None = None
