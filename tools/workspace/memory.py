"""A workspace in memory: the fake that passes the same contract as the one on disk."""

import hashlib
from collections.abc import Collection, Mapping

from tools.workspace.port import (
    MAX_FILE_BYTES,
    Changed,
    DiskFull,
    Entry,
    Link,
    RelPath,
    TooLarge,
)
from tools.workspace.tree import Tree


class MemoryWorkspace:
    """Files in a dictionary. `room_bytes` makes it run full, like a disk.

    `links` are targets by path; `executable` are paths of files.
    """

    def __init__(
        self,
        files: dict[str, str | bytes] | None = None,
        *,
        links: Mapping[str, str] | None = None,
        executable: Collection[str] = (),
        room_bytes: int | None = None,
    ) -> None:
        self._files: dict[RelPath, bytes] = {}
        self._tree = Tree()
        self._room_bytes = room_bytes
        for path, content in (files or {}).items():
            data = content.encode() if isinstance(content, str) else content
            self._tree.add(Entry(RelPath(path), "file", len(data), path in executable))
            self._files[RelPath(path)] = data
        for path, target in (links or {}).items():
            self._tree.add(Entry(RelPath(path), "link", len(target.encode()), target=target))

    @property
    def files(self) -> dict[str, bytes]:
        """A copy of all files, for assertions."""
        return {str(path): data for path, data in self._files.items()}

    async def read(self, path: RelPath) -> bytes:
        """See `Workspace.read`."""
        self._tree.need_file(path)
        data = self._files[path]
        if len(data) > MAX_FILE_BYTES:
            raise TooLarge(path, len(data))
        return data

    async def write(self, path: RelPath, data: bytes, *, expected_sha256: str | None) -> None:
        """See `Workspace.write`."""
        if len(data) > MAX_FILE_BYTES:
            raise TooLarge(path, len(data))
        self._tree.refuse_file(path)
        found = self._files.get(path)
        found_sha256 = "" if found is None else hashlib.sha256(found).hexdigest()
        if expected_sha256 not in {None, found_sha256}:
            raise Changed(path)
        used_bytes = sum(len(other) for name, other in self._files.items() if name != path)
        if self._room_bytes is not None and used_bytes + len(data) > self._room_bytes:
            raise DiskFull(path)
        self._tree.put(path, len(data))
        self._files[path] = data

    async def delete(self, path: RelPath) -> None:
        """See `Workspace.delete`."""
        for gone in self._tree.remove(path):
            self._files.pop(gone.path, None)

    async def rename(self, source: RelPath, target: RelPath) -> None:
        """See `Workspace.rename`."""
        for name, place in self._tree.rename(source, target).items():
            self._files[place] = self._files.pop(name)

    async def make_folder(self, path: RelPath) -> None:
        """See `Workspace.make_folder`."""
        self._tree.put_folder(path)

    async def list_folder(self, path: RelPath) -> list[Entry]:
        """See `Workspace.list_folder`."""
        return self._tree.children(path)

    async def walk(self) -> list[Entry]:
        """See `Workspace.walk`."""
        return self._tree.walk()

    async def first_link(self, path: RelPath) -> Link | None:
        """See `Workspace.first_link`."""
        return self._tree.first_link(path)
