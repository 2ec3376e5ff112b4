"""A workspace in memory: the fake that passes the same contract as the one on disk."""

import hashlib

from tools.paths import ancestors_of, folded, is_within, moved, parent_of
from tools.workspace import (
    MAX_FILE_BYTES,
    AlreadyThere,
    BadPath,
    Changed,
    DiskFull,
    Entry,
    IsAFolder,
    NoSuchFile,
    NotAFolder,
    RelPath,
    TooLarge,
)


class MemoryWorkspace:
    """Files in a dictionary. `room_bytes` makes it run full, like a disk."""

    def __init__(
        self, files: dict[str, str | bytes] | None = None, *, room_bytes: int | None = None
    ) -> None:
        self._files: dict[RelPath, bytes] = {}
        self._folders: set[RelPath] = set()
        self._room_bytes = room_bytes
        for path, content in (files or {}).items():
            self._make_parents(RelPath(path))
            data = content.encode() if isinstance(content, str) else content
            self._files[RelPath(path)] = data

    @property
    def files(self) -> dict[str, bytes]:
        """A copy of all files, for assertions."""
        return {str(path): data for path, data in self._files.items()}

    async def read(self, path: RelPath) -> bytes:
        """See `Workspace.read`."""
        if path in self._folders:
            raise IsAFolder(path)
        self._refuse_file_on_the_way(path)
        if path not in self._files:
            raise NoSuchFile(path)
        if len(self._files[path]) > MAX_FILE_BYTES:
            raise TooLarge(path, len(self._files[path]))
        return self._files[path]

    async def write(self, path: RelPath, data: bytes, *, expected_sha256: str | None) -> None:
        """See `Workspace.write`."""
        if len(data) > MAX_FILE_BYTES:
            raise TooLarge(path, len(data))
        if path in self._folders:
            raise IsAFolder(path)
        self._refuse_file_on_the_way(path)
        found = self._files.get(path)
        found_sha256 = "" if found is None else hashlib.sha256(found).hexdigest()
        if expected_sha256 not in {None, found_sha256}:
            raise Changed(path)
        if found is None:
            self._refuse_twin(path)
        used_bytes = sum(len(other) for name, other in self._files.items() if name != path)
        if self._room_bytes is not None and used_bytes + len(data) > self._room_bytes:
            raise DiskFull(path)
        self._make_parents(path)
        self._files[path] = data

    async def delete(self, path: RelPath) -> None:
        """See `Workspace.delete`."""
        self._refuse_file_on_the_way(path)
        if path not in self._files and path not in self._folders:
            raise NoSuchFile(path)
        self._files = {
            name: data for name, data in self._files.items() if not is_within(name, path)
        }
        self._folders = {name for name in self._folders if not is_within(name, path)}

    async def rename(self, source: RelPath, target: RelPath) -> None:
        """See `Workspace.rename`."""
        if is_within(target, source) and target != source:
            raise BadPath(f"{source} cannot be moved into itself ({target}).")
        self._refuse_file_on_the_way(source)
        if source not in self._files and source not in self._folders:
            raise NoSuchFile(source)
        self._refuse_file_on_the_way(target)
        if target in self._files or target in self._folders:
            raise AlreadyThere(target, target)
        self._refuse_twin(target, unless=source)

        def now(name: RelPath) -> RelPath:
            return moved(name, source, target) if is_within(name, source) else name

        files = {now(name): data for name, data in self._files.items()}
        self._folders = {now(name) for name in self._folders}
        self._files = files
        self._make_parents(target)

    async def list_folder(self, path: RelPath) -> list[Entry]:
        """See `Workspace.list_folder`."""
        self._refuse_file_on_the_way(path)
        if path in self._files:
            raise NotAFolder(path, path)
        if path and path not in self._folders:
            raise NoSuchFile(path)
        children = [entry for entry in self._entries() if parent_of(entry.path) == path]
        return sorted(children, key=lambda entry: (entry.kind != "folder", entry.path))

    async def walk(self) -> list[Entry]:
        """See `Workspace.walk`."""
        return sorted(self._entries(), key=lambda entry: entry.path)

    def _entries(self) -> list[Entry]:
        return [Entry(path=path, kind="folder", size_bytes=0) for path in self._folders] + [
            Entry(path=path, kind="file", size_bytes=len(data))
            for path, data in self._files.items()
        ]

    def _make_parents(self, path: RelPath) -> None:
        self._folders.update(ancestors_of(path))

    def _refuse_file_on_the_way(self, path: RelPath) -> None:
        for folder in ancestors_of(path):
            if folder in self._files:
                raise NotAFolder(path, folder)

    def _refuse_twin(self, path: RelPath, *, unless: RelPath | None = None) -> None:
        there = {*self._files, *self._folders}
        for name in [*ancestors_of(path), path]:
            if name in there:
                continue  # twins that stand side by side already are used as they are
            for other in there - {unless}:
                if folded(other) == folded(name) and parent_of(other) == parent_of(name):
                    raise AlreadyThere(name, other)
