"""A workspace that collects changes, so that they and the tool's result become one write."""

import hashlib

from store.records import DeletedFile, FileEdit, RenamedFile, WrittenFile
from tools.paths import ancestors_of, folded, is_within, moved, parent_of
from tools.workspace import (
    MAX_FILE_BYTES,
    AlreadyThere,
    BadPath,
    Changed,
    Entry,
    IsAFolder,
    NoSuchFile,
    NotAFolder,
    RelPath,
    TooLarge,
    Workspace,
)

Tree = dict[RelPath, Entry]


class StagedWorkspace:
    """Reads fall through to `base`; changes stay here, in order, until somebody applies `edits`.

    One tool call uses it. It holds the written files in memory: a call writes few. Of a moved file
    it only knows where the bytes are.
    """

    def __init__(self, base: Workspace) -> None:
        self._base = base
        self._edits: list[FileEdit] = []
        self._data: dict[RelPath, bytes] = {}
        self._moved_from: dict[RelPath, RelPath] = {}
        self._tree: Tree | None = None  # as it is now; None until something changes

    @property
    def edits(self) -> tuple[FileEdit, ...]:
        """What was changed, in order."""
        return tuple(self._edits)

    async def read(self, path: RelPath) -> bytes:
        """See `Workspace.read`."""
        if self._tree is None:
            return await self._base.read(path)
        if path in self._data:
            return self._data[path]
        if _need(self._tree, path).kind == "folder":
            raise IsAFolder(path)
        return await self._base.read(self._moved_from.get(path, path))

    async def write(self, path: RelPath, data: bytes, *, expected_sha256: str | None) -> None:
        """See `Workspace.write`."""
        if len(data) > MAX_FILE_BYTES:
            raise TooLarge(path, len(data))
        tree = await self._changing()
        if path in tree and tree[path].kind == "folder":
            raise IsAFolder(path)
        _refuse_file_on_the_way(tree, path)
        found = hashlib.sha256(await self.read(path)).hexdigest() if path in tree else ""
        if expected_sha256 not in {None, found}:
            raise Changed(path)
        _refuse_twin(tree, path)
        _add_parents(tree, path)
        tree[path] = Entry(path=path, kind="file", size_bytes=len(data))
        self._data[path] = data
        self._moved_from.pop(path, None)
        self._edits.append(WrittenFile(path=path, data=data, base_sha256=found))

    async def delete(self, path: RelPath) -> None:
        """See `Workspace.delete`."""
        tree = await self._changing()
        _need(tree, path)
        for gone in [name for name in tree if is_within(name, path)]:
            self._forget(tree, gone)
        self._edits.append(DeletedFile(path=path))

    async def rename(self, source: RelPath, target: RelPath) -> None:
        """See `Workspace.rename`."""
        if is_within(target, source) and target != source:
            raise BadPath(f"{source} cannot be moved into itself ({target}).")
        tree = await self._changing()
        _need(tree, source)
        _refuse_file_on_the_way(tree, target)
        if target in tree:
            raise AlreadyThere(target, target)
        _refuse_twin(tree, target, unless=source)
        places = {name: moved(name, source, target) for name in tree if is_within(name, source)}
        for name, place in sorted(places.items()):
            entry, data = tree[name], self._data.get(name)
            origin = self._moved_from.get(name, name)
            self._forget(tree, name)
            _add_parents(tree, place)
            tree[place] = Entry(place, entry.kind, entry.size_bytes)
            if data is not None:
                self._data[place] = data
            elif entry.kind == "file":
                self._moved_from[place] = origin
        self._edits.append(RenamedFile(path=source, new_path=target))

    async def list_folder(self, path: RelPath) -> list[Entry]:
        """See `Workspace.list_folder`."""
        if self._tree is None:
            return await self._base.list_folder(path)
        if path and _need(self._tree, path).kind == "file":
            raise NotAFolder(path, path)
        children = [entry for entry in self._tree.values() if parent_of(entry.path) == path]
        return sorted(children, key=lambda entry: (entry.kind != "folder", entry.path))

    async def walk(self) -> list[Entry]:
        """See `Workspace.walk`."""
        if self._tree is None:
            return await self._base.walk()
        return sorted(self._tree.values(), key=lambda entry: entry.path)

    async def _changing(self) -> Tree:
        if self._tree is None:
            self._tree = {entry.path: entry for entry in await self._base.walk()}
        return self._tree

    def _forget(self, tree: Tree, path: RelPath) -> None:
        del tree[path]
        self._data.pop(path, None)
        self._moved_from.pop(path, None)


def _need(tree: Tree, path: RelPath) -> Entry:
    _refuse_file_on_the_way(tree, path)
    if path not in tree:
        raise NoSuchFile(path)
    return tree[path]


def _add_parents(tree: Tree, path: RelPath) -> None:
    for parent in ancestors_of(path):
        tree.setdefault(parent, Entry(path=parent, kind="folder", size_bytes=0))


def _refuse_file_on_the_way(tree: Tree, path: RelPath) -> None:
    for parent in ancestors_of(path):
        if parent in tree and tree[parent].kind == "file":
            raise NotAFolder(path, parent)


def _refuse_twin(tree: Tree, path: RelPath, *, unless: RelPath | None = None) -> None:
    """A new name may not be one that some disks take for a name beside it.

    Twins that stand side by side already, from a store that has both, are used as they are.
    """
    new = {folded(part): part for part in (*ancestors_of(path), path) if part not in tree}
    for known in tree:
        wanted = new.get(folded(known))
        if wanted is not None and known != unless and parent_of(known) == parent_of(wanted):
            raise AlreadyThere(wanted, known)
