"""A workspace that collects changes, so that they and the tool's result become one write."""

import hashlib

from tools.workspace.edits import Deleted, Edit, FileChange, MadeFolder, Renamed, Written
from tools.workspace.port import MAX_FILE_BYTES, Changed, Entry, RelPath, TooLarge, Workspace
from tools.workspace.tree import Tree


class StagedWorkspace:
    """Reads fall through to `base`; changes stay here, in order, until somebody applies `edits`.

    One tool call uses it. It holds the written files in memory: a call writes few. Of a moved file
    it only knows where the bytes are.
    """

    def __init__(self, base: Workspace) -> None:
        self._base = base
        self._edits: list[Edit] = []
        self._data: dict[RelPath, bytes] = {}
        self._origin: dict[RelPath, RelPath | None] = {}
        """Of each file that was written or moved, where `base` has it; None: nowhere."""
        self._gone: set[RelPath] = set()  # files of the base that were deleted
        self._tree: Tree | None = None  # as it is now; None until something changes

    @property
    def edits(self) -> tuple[Edit, ...]:
        """What was changed, in order."""
        return tuple(self._edits)

    async def read(self, path: RelPath) -> bytes:
        """See `Workspace.read`."""
        if self._tree is None:
            return await self._base.read(path)
        if path in self._data:
            return self._data[path]
        self._tree.need_file(path)
        return await self._base.read(self._origin.get(path) or path)

    async def write(self, path: RelPath, data: bytes, *, expected_sha256: str | None) -> None:
        """See `Workspace.write`."""
        if len(data) > MAX_FILE_BYTES:
            raise TooLarge(path, len(data))
        tree = await self._changing()
        tree.refuse_file(path)
        is_new = path not in tree
        found = "" if is_new else hashlib.sha256(await self.read(path)).hexdigest()
        if expected_sha256 not in {None, found}:
            raise Changed(path)
        tree.put(path, len(data))
        self._data[path] = data
        self._origin[path] = None if is_new else self._origin.get(path, path)
        self._edits.append(Written(path, data, found))

    async def delete(self, path: RelPath) -> None:
        """See `Workspace.delete`."""
        for gone in (await self._changing()).remove(path):
            self._data.pop(gone.path, None)
            origin = self._origin.pop(gone.path, gone.path)
            if origin is not None and gone.kind == "file":
                self._gone.add(origin)
        self._edits.append(Deleted(path))

    async def rename(self, source: RelPath, target: RelPath) -> None:
        """See `Workspace.rename`."""
        for name, place in (await self._changing()).rename(source, target).items():
            if name in self._data:
                self._data[place] = self._data.pop(name)
            self._origin[place] = self._origin.pop(name, name)
        self._edits.append(Renamed(source, target))

    async def make_folder(self, path: RelPath) -> None:
        """See `Workspace.make_folder`."""
        if (await self._changing()).put_folder(path):
            self._edits.append(MadeFolder(path))

    async def list_folder(self, path: RelPath) -> list[Entry]:
        """See `Workspace.list_folder`."""
        if self._tree is None:
            return await self._base.list_folder(path)
        return self._tree.children(path)

    async def walk(self) -> list[Entry]:
        """See `Workspace.walk`."""
        return await self._base.walk() if self._tree is None else self._tree.walk()

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

    async def _changing(self) -> Tree:
        if self._tree is None:
            self._tree = Tree(await self._base.walk())
        return self._tree
