"""A workspace that collects changes, so that they and the tool's result become one write."""

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from tools.workspace.edits import Deleted, Edit, FileChange, MadeFolder, Renamed, Written
from tools.workspace.links import followed, followed_to_its_folder
from tools.workspace.paths import ROOT, ancestors_of, is_within
from tools.workspace.port import (
    MAX_FILE_BYTES,
    Changed,
    Entry,
    Link,
    NoSuchFile,
    NotAFolder,
    RelPath,
    TooLarge,
    Workspace,
)
from tools.workspace.tree import Tree


class StagedWorkspace:
    """Reads fall through to `base`; changes stay here, in order, until somebody applies `edits`.

    Symbolic links that stay inside are followed here: a read or write through one is that of the
    file it leads to, which need not be there yet; `delete` and `rename` take the link itself. The
    edits name the paths where the files are.

    One tool call uses it. It holds the written files in memory: a call writes few. Of a moved file
    it only knows where the bytes are. A write looks at the folders on its way only: walking all of
    a large project takes a tenth of a second.
    """

    def __init__(self, base: Workspace) -> None:
        self._base = base
        self._edits: list[Edit] = []
        self._data: dict[RelPath, bytes] = {}
        self._origin: dict[RelPath, RelPath | None] = {}
        """Of each file that was written or moved, where `base` has it; None: nowhere."""
        self._gone: set[RelPath] = set()  # files of the base that were deleted
        self._free: set[RelPath] = set()  # where the base has links that were deleted or moved
        self._tree = Tree()  # as it is now, with what is changed
        self._is_whole = False  # whether the tree has everything; if not, nothing is gone or moved
        self._listed: set[RelPath] = set()  # the folders of the base that the tree has

    @property
    def edits(self) -> tuple[Edit, ...]:
        """What was changed, in order."""
        return tuple(self._edits)

    async def read(self, path: RelPath) -> bytes:
        """See `Workspace.read`."""
        return await self._read(await followed(self, path))

    async def _read(self, path: RelPath) -> bytes:
        if path in self._data:
            return self._data[path]
        if self._is_whole or self._tree.knows(path):
            self._tree.need_file(path)
        return await self._base.read(self._origin.get(path) or path)

    async def write(self, path: RelPath, data: bytes, *, expected_sha256: str | None) -> None:
        """See `Workspace.write`."""
        if len(data) > MAX_FILE_BYTES:
            raise TooLarge(path, len(data))
        path = await followed(self, path)
        self._tree.refuse_file(path)
        try:
            old = await self._read(path)
        except NoSuchFile:
            old = None
        found = "" if old is None else hashlib.sha256(old).hexdigest()
        if expected_sha256 not in {None, found}:
            raise Changed(path)
        if old is None:
            await self._refuse_special(path)
            await self._look_around(path)
            self._tree.put(path, len(data))
        else:
            known = self._tree.get(path) or Entry(path, "file", 0)
            self._tree.add(replace(known, size_bytes=len(data)))
        self._data[path] = data
        self._origin[path] = None if old is None else self._origin.get(path, path)
        self._edits.append(Written(path, data, found))

    async def delete(self, path: RelPath) -> None:
        """See `Workspace.delete`."""
        path = await followed_to_its_folder(self, path)
        for gone in (await self._whole()).remove(path):
            self._data.pop(gone.path, None)
            origin = self._origin.pop(gone.path, gone.path)
            if origin is not None and gone.kind == "file":
                self._gone.add(origin)
            if gone.kind == "link":
                self._free.add(gone.path)
        self._edits.append(Deleted(path))

    async def rename(self, source: RelPath, target: RelPath) -> None:
        """See `Workspace.rename`."""
        source = await followed_to_its_folder(self, source)
        target = await followed_to_its_folder(self, target)
        tree = await self._whole()
        await self._refuse_special(target)
        moved = [entry for entry in tree.walk() if is_within(entry.path, source)]
        self._free |= {entry.path for entry in moved if entry.kind == "link"}
        for name, place in tree.rename(source, target).items():
            if name in self._data:
                self._data[place] = self._data.pop(name)
            self._origin[place] = self._origin.pop(name, name)
        self._edits.append(Renamed(source, target))

    async def make_folder(self, path: RelPath) -> None:
        """See `Workspace.make_folder`."""
        path = await followed(self, path)
        await self._look_around(path)
        await self._refuse_special(path)
        if self._tree.put_folder(path):
            self._edits.append(MadeFolder(path))

    async def list_folder(self, path: RelPath) -> list[Entry]:
        """See `Workspace.list_folder`. What is in it is named by where it is."""
        path = await followed(self, path)
        if not self._edits:
            return await self._base.list_folder(path)
        return (await self._whole()).children(path)

    async def walk(self) -> list[Entry]:
        """See `Workspace.walk`."""
        return (await self._whole()).walk() if self._edits else await self._base.walk()

    async def first_link(self, path: RelPath) -> Link | None:
        """See `Workspace.first_link`."""
        return self._tree.first_link(path) if self._is_whole else await self._base.first_link(path)

    def changed_paths(self) -> list[RelPath]:
        """The files that `change_of` knows: written, moved, deleted."""
        return sorted({*self._origin, *self._gone})

    async def change_of(self, path: RelPath) -> FileChange:
        """What came of the edits to one file. One that was only moved is not read."""
        origin = self._origin.get(path)
        if origin is None and path in self._gone:
            origin = path
        if path not in self._origin:
            return FileChange(path, await self._base.read(path), None)
        old_path = None if origin in {None, path} else origin
        if path not in self._data:
            return FileChange(path, b"", b"", old_path)
        before = None if origin is None else await self._base.read(origin)
        return FileChange(path, before, self._data[path], old_path)

    async def _whole(self) -> Tree:
        """The tree with everything."""
        if not self._is_whole:
            self._learn(await self._base.walk())
            self._is_whole = True
        return self._tree

    async def _look_around(self, path: RelPath) -> None:
        """Know what is in the folders on the way to a path, as far as they are there."""
        if self._is_whole:
            return
        for folder in (ROOT, *ancestors_of(path)):
            if folder in self._listed:
                continue
            try:
                found = await self._base.list_folder(folder)
            except NoSuchFile:
                return
            self._listed.add(folder)
            self._learn(found)

    def _learn(self, entries: Sequence[Entry]) -> None:
        """What is in the base; what was written here is as large as it was written."""
        for entry in entries:
            known = self._tree.get(entry.path)
            size_bytes = entry.size_bytes if known is None else known.size_bytes
            self._tree.add(replace(entry, size_bytes=size_bytes))

    async def _refuse_special(self, path: RelPath) -> None:
        """Raise where a walk sees nothing though something stands there, or on the way."""
        if path not in self._tree and path not in self._free:
            with suppress(NoSuchFile, NotAFolder):
                await self._base.list_folder(path)
