"""What stands where, and what may be put there: the rules of a workspace that is held in memory."""

from collections.abc import Iterable
from dataclasses import replace

from tools.workspace.paths import ancestors_of, folded, is_within, moved, parent_of
from tools.workspace.port import (
    AlreadyThere,
    BadPath,
    Entry,
    IsAFolder,
    Link,
    NoSuchFile,
    NotAFile,
    NotAFolder,
    RelPath,
)


class Tree:
    """The files, folders and links of a workspace, without what is in them.

    Its methods raise what those of `Workspace` do, and change nothing then.
    """

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self._entries = {entry.path: entry for entry in entries}

    def __contains__(self, path: RelPath) -> bool:
        """Whether something stands there."""
        return path in self._entries

    def get(self, path: RelPath) -> Entry | None:
        """What stands at a path, if it is known."""
        return self._entries.get(path)

    def knows(self, path: RelPath) -> bool:
        """Whether it stands there, or cannot because of a file on the way."""
        return path in self._entries or any(
            folder in self._entries and self._entries[folder].kind != "folder"
            for folder in ancestors_of(path)
        )

    def first_link(self, path: RelPath) -> Link | None:
        """The first link on the way to a path, or at it."""
        for step in (*ancestors_of(path), path):
            entry = self._entries.get(step)
            if entry is not None and entry.kind == "link":
                return Link(step, entry.target)
        return None

    def walk(self) -> list[Entry]:
        """Everything, sorted by path."""
        return sorted(self._entries.values(), key=lambda entry: entry.path)

    def children(self, folder: RelPath) -> list[Entry]:
        """What is directly in a folder: folders first, then by name."""
        if folder and self.need(folder).kind == "link":
            raise NotAFile(folder, folder)
        if folder and self.need(folder).kind == "file":
            raise NotAFolder(folder, folder)
        found = [entry for entry in self._entries.values() if parent_of(entry.path) == folder]
        return sorted(found, key=lambda entry: (entry.kind != "folder", entry.path))

    def need(self, path: RelPath) -> Entry:
        """What stands at a path."""
        self._refuse_file_on_the_way(path)
        if path not in self._entries:
            raise NoSuchFile(path)
        return self._entries[path]

    def need_file(self, path: RelPath) -> Entry:
        """The file at a path."""
        entry = self.need(path)
        if entry.kind == "folder":
            raise IsAFolder(path)
        if entry.kind == "link":
            raise NotAFile(path, path)
        return entry

    def refuse_file(self, path: RelPath) -> None:
        """Raise where no file may be written."""
        if path in self._entries and self._entries[path].kind == "folder":
            raise IsAFolder(path)
        if path in self._entries and self._entries[path].kind == "link":
            raise NotAFile(path, path)
        self._refuse_file_on_the_way(path)

    def add(self, entry: Entry) -> None:
        """It stands there with its folders, whatever resembles its name."""
        for folder in ancestors_of(entry.path):
            self._entries.setdefault(folder, Entry(folder, "folder", 0))
        self._entries[entry.path] = entry

    def put(self, path: RelPath, size_bytes: int) -> None:
        """A file stands there now, in its folders; one that is executable stays so."""
        self.refuse_file(path)
        self._refuse_twin(path)
        old = self._entries.get(path)
        self.add(Entry(path, "file", size_bytes, old is not None and old.is_executable))

    def put_folder(self, path: RelPath) -> bool:
        """A folder stands there now, in its folders; False when it did before."""
        if path in self._entries:
            if self._entries[path].kind == "file":
                raise NotAFolder(path, path)
            if self._entries[path].kind == "link":
                raise NotAFile(path, path)
            return False
        self._refuse_file_on_the_way(path)
        self._refuse_twin(path)
        self.add(Entry(path, "folder", 0))
        return True

    def remove(self, path: RelPath) -> list[Entry]:
        """It is gone, with all that is in it; what that was."""
        self.need(path)
        gone = [entry for name, entry in self._entries.items() if is_within(name, path)]
        for entry in gone:
            del self._entries[entry.path]
        return gone

    def rename(self, source: RelPath, target: RelPath) -> dict[RelPath, RelPath]:
        """It stands elsewhere now; where each file of it was, and is."""
        if is_within(target, source) and target != source:
            raise BadPath(f"{source} cannot be moved into itself ({target}).")
        self.need(source)
        self._refuse_file_on_the_way(target)
        if target in self._entries:
            raise AlreadyThere(target, target)
        self._refuse_twin(target, unless=source)
        entries = [entry for name, entry in self._entries.items() if is_within(name, source)]
        places = {entry.path: moved(entry.path, source, target) for entry in entries}
        for entry in entries:
            del self._entries[entry.path]
        for entry in entries:
            self.add(replace(entry, path=places[entry.path]))
        return {entry.path: places[entry.path] for entry in entries if entry.kind == "file"}

    def _refuse_file_on_the_way(self, path: RelPath) -> None:
        for folder in ancestors_of(path):
            kind = self._entries[folder].kind if folder in self._entries else "folder"
            if kind == "link":
                raise NotAFile(path, folder)
            if kind == "file":
                raise NotAFolder(path, folder)

    def _refuse_twin(self, path: RelPath, *, unless: RelPath | None = None) -> None:
        """A new name may not be one that some disks take for a name beside it.

        Twins that stand side by side already, from a store that has both, are used as they are.
        """
        new = {
            folded(part): part for part in (*ancestors_of(path), path) if part not in self._entries
        }
        for known in self._entries if new else ():
            wanted = new.get(folded(known))
            if wanted is not None and known != unless and parent_of(known) == parent_of(wanted):
                raise AlreadyThere(wanted, known)
