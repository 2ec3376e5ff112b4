"""A workspace in a folder of this machine, which no link or race can lead out of.

Every path is walked from the root one name at a time, each opened relative to the folder before it
and never through a symbolic link. So nobody can swap a folder for a link between a check and a use:
there is no check by path. Changes are serialised; reads are not.
"""

import asyncio
import hashlib
import os
import shutil
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from tools.workspace.open_folder import (
    enter,
    entries_of,
    forbidden,
    found_name,
    hash_of,
    is_replaceable,
    kind_of,
    no_room,
    open_file,
    read_all,
    refuse_twin,
    replace,
    replace_with_link,
    steps_to,
    target_of,
)
from tools.workspace.paths import ROOT, is_within, moved, name_of, parent_of
from tools.workspace.port import (
    MAX_FILE_BYTES,
    AlreadyThere,
    BadPath,
    Changed,
    Entry,
    FileMode,
    Link,
    NoSuchFile,
    NotAFile,
    NotAFolder,
    RelPath,
    TooLarge,
)
from tools.workspace.scan import Stamp

Mirrored = tuple[RelPath, bytes, FileMode | None]
"""A file to write: where, what, and how executable; see `DiskWorkspace.mirror`."""


class DiskWorkspace:
    """The files below `root`, which must exist. All I/O happens in threads."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._changing = threading.Lock()

    async def read(self, path: RelPath) -> bytes:
        """See `Workspace.read`."""
        return await asyncio.to_thread(self._read, path)

    async def write(self, path: RelPath, data: bytes, *, expected_sha256: str | None) -> None:
        """See `Workspace.write`."""
        await asyncio.to_thread(self._write, path, data, expected_sha256)

    async def delete(self, path: RelPath) -> None:
        """See `Workspace.delete`. A symbolic link is removed itself, not what it points to."""
        await asyncio.to_thread(self._delete, path)

    async def rename(self, source: RelPath, target: RelPath) -> None:
        """See `Workspace.rename`."""
        await asyncio.to_thread(self._rename, source, target)

    async def mirror(
        self, path: RelPath, data: bytes, *, mode: FileMode | None = None
    ) -> tuple[str, Stamp]:
        """Write a file that exists elsewhere, whatever its size and whatever resembles its name.

        For whoever makes this folder follow a store: that a project has both `Readme` and `readme`,
        or a large picture, is no reason to refuse it. Without a `mode` it stays as executable as
        it is. With "symlink" a link stands there, whose target is `data`; it takes the place of a
        file, and a file that of a link. What comes back is the hash of the data, and by what the
        file shows that it was changed since.

        Raises:
            IsAFolder, NotAFolder, NotAFile, DiskFull, NotPermitted: as `Workspace.write`.
        """
        return await asyncio.to_thread(self._mirror, path, data, mode)

    async def mirror_all(self, files: Sequence[Mirrored]) -> list[tuple[str, Stamp]]:
        """Write several files as `mirror` does, one after the other. Raises: as `mirror`."""
        return await asyncio.to_thread(lambda: [self._mirror(*file) for file in files])

    async def sha256(self, path: RelPath) -> str:
        """The hash of a file of any size, or of the target of a link.

        Raises: as `Workspace.read`, but never TooLarge.
        """
        return await asyncio.to_thread(self._hash, path)

    async def target(self, path: RelPath) -> bytes:
        """The target of the link at a path, as it stands there. Raises: NoSuchFile."""
        return await asyncio.to_thread(self._target, path)

    async def make_folder(self, path: RelPath) -> None:
        """See `Workspace.make_folder`."""
        await asyncio.to_thread(self._make_folder, path, refuse_twins=True)

    async def mirror_folder(self, path: RelPath) -> None:
        """Make a folder as `mirror` does a file, whatever resembles it. Raises: NotAFolder."""
        await asyncio.to_thread(self._make_folder, path, refuse_twins=False)

    async def list_folder(self, path: RelPath) -> list[Entry]:
        """See `Workspace.list_folder`."""
        return await asyncio.to_thread(self._list_folder, path)

    async def walk(self) -> list[Entry]:
        """See `Workspace.walk`."""
        return await asyncio.to_thread(self._walk)

    async def first_link(self, path: RelPath) -> Link | None:
        """See `Workspace.first_link`."""
        return await asyncio.to_thread(self._first_link, path)

    def _first_link(self, path: RelPath) -> Link | None:
        current = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for step in steps_to(path):
                try:
                    current = enter(current, step, path)
                except NotAFile:
                    target = target_of(current, found_name(current, step))
                    return None if target is None else Link(step, target)
                except (NoSuchFile, NotAFolder):
                    return None
        except PermissionError:  # whoever uses the path is told
            return None
        finally:
            os.close(current)
        return None

    def _target(self, path: RelPath) -> bytes:
        with forbidden(path), self._folder(parent_of(path), path) as folder:
            target = target_of(folder, found_name(folder, path))
        if target is None:
            raise NoSuchFile(path)
        return target.encode()

    def _read(self, path: RelPath) -> bytes:
        with (
            forbidden(path),
            self._folder(parent_of(path), path) as folder,
            open_file(folder, path) as file,
        ):
            size_bytes = os.fstat(file).st_size
            if size_bytes > MAX_FILE_BYTES:
                raise TooLarge(path, size_bytes)
            return read_all(file, path)

    def _write(self, path: RelPath, data: bytes, expected_sha256: str | None) -> None:
        if len(data) > MAX_FILE_BYTES:
            raise TooLarge(path, len(data))
        with self._changing, forbidden(path):
            if expected_sha256:
                self._refuse_if_changed(path, expected_sha256)
            with no_room(path), self._made_folder(parent_of(path), path) as folder:
                if not is_replaceable(folder, path):
                    refuse_twin(folder, path)
                elif expected_sha256 == "":
                    raise Changed(path)
                replace(folder, path, data)

    def _mirror(self, path: RelPath, data: bytes, mode: FileMode | None) -> tuple[str, Stamp]:
        with (
            self._changing,
            forbidden(path),
            no_room(path),
            self._made_folder(parent_of(path), path, refuse_twins=False) as folder,
        ):
            if kind_of(folder, found_name(folder, path)) != "link":
                is_replaceable(folder, path)
            if mode == "symlink":
                written = replace_with_link(folder, path, data.decode())
            else:
                executable = None if mode is None else mode == "executable"
                written = replace(folder, path, data, executable=executable)
        return hashlib.sha256(data).hexdigest(), Stamp.of(written)

    def _refuse_if_changed(self, path: RelPath, expected_sha256: str) -> None:
        try:
            if self._hash(path) != expected_sha256:
                raise Changed(path)
        except NoSuchFile:
            raise Changed(path) from None

    def _hash(self, path: RelPath) -> str:
        with (
            forbidden(path),
            self._folder(parent_of(path), path) as folder,
        ):
            target = target_of(folder, found_name(folder, path))
            if target is not None:
                return hashlib.sha256(target.encode()).hexdigest()
            with open_file(folder, path) as file:
                return hash_of(file)

    def _delete(self, path: RelPath) -> None:
        with self._changing, forbidden(path), self._folder(parent_of(path), path) as folder:
            name = found_name(folder, path)
            found = kind_of(folder, name)
            if found is None:
                raise NoSuchFile(path)
            if found == "folder":
                shutil.rmtree(name, dir_fd=folder)
            else:
                os.unlink(name, dir_fd=folder)

    def _rename(self, source: RelPath, target: RelPath) -> None:
        if is_within(target, source) and target != source:
            raise BadPath(f"{source} cannot be moved into itself ({target}).")
        with (
            self._changing,
            forbidden(source),
            self._folder(parent_of(source), source) as from_folder,
        ):
            name = found_name(from_folder, source)
            found = kind_of(from_folder, name)
            if found is None:
                raise NoSuchFile(source)
            if found == "special":
                raise NotAFile(source, source)
            if found == "folder":
                for entry in self._walk(source):
                    moved(entry.path, source, target)
            with no_room(target), self._made_folder(parent_of(target), target) as to_folder:
                if kind_of(to_folder, found_name(to_folder, target)) is not None:
                    raise AlreadyThere(target, target)
                refuse_twin(to_folder, target, unless=source)
                os.rename(
                    name,
                    name_of(target),
                    src_dir_fd=from_folder,
                    dst_dir_fd=to_folder,
                )

    def _make_folder(self, path: RelPath, *, refuse_twins: bool) -> None:
        with (
            self._changing,
            forbidden(path),
            no_room(path),
            self._made_folder(path, path, refuse_twins=refuse_twins),
        ):
            pass

    def _list_folder(self, path: RelPath) -> list[Entry]:
        with forbidden(path), self._folder(path, path) as folder:
            entries = entries_of(folder, path)
        return sorted(entries, key=lambda entry: (entry.kind != "folder", entry.path))

    def _walk(self, start: RelPath = ROOT) -> list[Entry]:
        entries: list[Entry] = []
        pending = [start]
        while pending:
            path = pending.pop()
            # Gone or replaced since it was seen, or closed to us: then there is nothing to list.
            with suppress(NoSuchFile, NotAFolder, BadPath, PermissionError):
                with self._folder(path, path) as folder:
                    found = entries_of(folder, path)
                entries += found
                pending += [entry.path for entry in found if entry.kind == "folder"]
        return sorted(entries, key=lambda entry: entry.path)

    @contextmanager
    def _folder(self, folder: RelPath, wanted: RelPath) -> Generator[int]:
        """Open an existing folder; `wanted` is what the error speaks of."""
        current = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for step in steps_to(folder):
                current = enter(current, step, wanted)
            yield current
        finally:
            os.close(current)

    @contextmanager
    def _made_folder(
        self, folder: RelPath, wanted: RelPath, *, refuse_twins: bool = True
    ) -> Generator[int]:
        """Open a folder, making it and its parents where they are missing."""
        current = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for step in steps_to(folder):
                if kind_of(current, found_name(current, step)) is None:
                    if refuse_twins:
                        refuse_twin(current, step)
                    with suppress(FileExistsError):  # somebody made it just now
                        os.mkdir(name_of(step), dir_fd=current)
                current = enter(current, step, wanted)
            yield current
        finally:
            os.close(current)
