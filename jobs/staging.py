"""A workspace that collects changes, so that they and the tool's result become one write."""

import hashlib

from store.records import DeletedFile, FileEdit, RenamedFile, WrittenFile
from tools.paths import folded, is_within
from tools.workspace import (
    AlreadyThere,
    BadPath,
    Changed,
    Entry,
    IsAFolder,
    NoSuchFile,
    RelPath,
    Workspace,
)

Tree = dict[RelPath, Entry]


class StagedWorkspace:
    """Reads fall through to `base`; changes stay here, in order, until somebody applies `edits`.

    One tool call uses it. It holds the changed files in memory: a call changes few.
    """

    def __init__(self, base: Workspace) -> None:
        self._base = base
        self._edits: list[FileEdit] = []
        self._data: dict[RelPath, bytes] = {}
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
            raise IsAFolder(f"{path} is a folder, not a file. Use listFiles to see what is in it.")
        return await self._base.read(path)

    async def write(self, path: RelPath, data: bytes, *, expected_sha256: str | None) -> None:
        """See `Workspace.write`."""
        tree = await self._changing()
        if path in tree and tree[path].kind == "folder":
            raise IsAFolder(f"{path} is a folder, so no file can be written there.")
        _refuse_file_on_the_way(tree, path)
        found = hashlib.sha256(await self.read(path)).hexdigest() if path in tree else ""
        if expected_sha256 not in {None, found}:
            raise Changed(path)
        _refuse_case_twin(tree, path)
        _add_parents(tree, path)
        tree[path] = Entry(path=path, kind="file", size_bytes=len(data))
        self._data[path] = data
        self._edits.append(WrittenFile(path=path, data=data, base_sha256=found))

    async def delete(self, path: RelPath) -> None:
        """See `Workspace.delete`."""
        tree = await self._changing()
        _need(tree, path)
        for gone in [name for name in tree if is_within(name, path)]:
            del tree[gone]
            self._data.pop(gone, None)
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
        _refuse_case_twin(tree, target, unless=source)
        for name in sorted(name for name in tree if is_within(name, source)):
            moved = RelPath(target + name[len(source) :])
            if tree[name].kind == "file":
                self._data[moved] = await self.read(name)
            _add_parents(tree, moved)
            tree[moved] = Entry(moved, tree[name].kind, tree[name].size_bytes)
        for name in [name for name in tree if is_within(name, source)]:
            del tree[name]
            self._data.pop(name, None)
        self._edits.append(RenamedFile(path=source, new_path=target))

    async def list_folder(self, path: RelPath) -> list[Entry]:
        """See `Workspace.list_folder`."""
        if self._tree is None:
            return await self._base.list_folder(path)
        if path and _need(self._tree, path).kind == "file":
            raise IsAFolder(f"{path} is not possible: it is a file, not a folder.")
        children = [e for e in self._tree.values() if e.path.rpartition("/")[0] == path]
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


def _need(tree: Tree, path: RelPath) -> Entry:
    _refuse_file_on_the_way(tree, path)
    if path not in tree:
        raise NoSuchFile(path)
    return tree[path]


def _add_parents(tree: Tree, path: RelPath) -> None:
    for parent in _parents(path):
        tree.setdefault(parent, Entry(path=parent, kind="folder", size_bytes=0))


def _refuse_file_on_the_way(tree: Tree, path: RelPath) -> None:
    for parent in _parents(path):
        if parent in tree and tree[parent].kind == "file":
            raise IsAFolder(f"{path} is not possible: {parent!r} is a file, not a folder.")


def _refuse_case_twin(tree: Tree, path: RelPath, *, unless: RelPath | None = None) -> None:
    """Two names that some disks take for one cannot stand side by side."""
    names = {folded(part): part for part in (*_parents(path), path)}
    for known in tree:
        wanted = names.get(folded(known))
        if wanted is not None and known not in {wanted, unless}:
            raise AlreadyThere(path, known)


def _parents(path: RelPath) -> list[RelPath]:
    parts = path.split("/")
    return [RelPath("/".join(parts[:end])) for end in range(1, len(parts))]
