"""A workspace in a folder of this machine, which no link or race can lead out of.

Every path is walked from the root one name at a time, each opened relative to the folder before it
and never through a symbolic link. So nobody can swap a folder for a link between a check and a use:
there is no check by path. Changes are serialised; reads are not.
"""

import asyncio
import errno
import hashlib
import logging
import os
import secrets
import shutil
import stat
import threading
import unicodedata
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

from tools.paths import (
    ROOT,
    TEMPORARY_PREFIX,
    ancestors_of,
    composed,
    folded,
    is_nameable,
    is_within,
    moved,
    name_of,
    parent_of,
)
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
    NotPermitted,
    RelPath,
    TooLarge,
)

log = logging.getLogger(__name__)

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a FIFO must not block the open
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_CHUNK_BYTES = 1024 * 1024


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

    async def mirror(self, path: RelPath, data: bytes) -> None:
        """Write a file that exists elsewhere, whatever its size and whatever resembles its name.

        For whoever makes this folder follow a store: that a project has both `Readme` and `readme`,
        or a large picture, is no reason to refuse it.

        Raises:
            IsAFolder, NotAFolder, DiskFull, NotPermitted: as `Workspace.write`.
        """
        await asyncio.to_thread(self._mirror, path, data)

    async def sha256(self, path: RelPath) -> str:
        """The hash of a file of any size. Raises: as `Workspace.read`, but never TooLarge."""
        return await asyncio.to_thread(self._hash, path)

    async def make_folder(self, path: RelPath) -> None:
        """Make a folder with its parents, unless it is there; like `mirror`. Raises: NotAFolder."""
        await asyncio.to_thread(self._make_folder, path)

    async def list_folder(self, path: RelPath) -> list[Entry]:
        """See `Workspace.list_folder`."""
        return await asyncio.to_thread(self._list_folder, path)

    async def walk(self) -> list[Entry]:
        """See `Workspace.walk`."""
        return await asyncio.to_thread(self._walk)

    def _read(self, path: RelPath) -> bytes:
        with (
            _forbidden(path),
            self._folder(parent_of(path), path) as folder,
            _open_file(folder, path) as file,
        ):
            size_bytes = os.fstat(file).st_size
            if size_bytes > MAX_FILE_BYTES:
                raise TooLarge(path, size_bytes)
            return _read_all(file, path)

    def _write(self, path: RelPath, data: bytes, expected_sha256: str | None) -> None:
        if len(data) > MAX_FILE_BYTES:
            raise TooLarge(path, len(data))
        with self._changing, _forbidden(path):
            if expected_sha256:
                self._refuse_if_changed(path, expected_sha256)
            with _no_room(path), self._made_folder(parent_of(path), path) as folder:
                if not _is_replaceable(folder, path):
                    _refuse_twin(folder, path)
                elif expected_sha256 == "":
                    raise Changed(path)
                _replace(folder, path, data)

    def _mirror(self, path: RelPath, data: bytes) -> None:
        with (
            self._changing,
            _forbidden(path),
            _no_room(path),
            self._made_folder(parent_of(path), path, refuse_twins=False) as folder,
        ):
            _is_replaceable(folder, path)
            _replace(folder, path, data)

    def _refuse_if_changed(self, path: RelPath, expected_sha256: str) -> None:
        try:
            if self._hash(path) != expected_sha256:
                raise Changed(path)
        except NoSuchFile:
            raise Changed(path) from None

    def _hash(self, path: RelPath) -> str:
        with (
            _forbidden(path),
            self._folder(parent_of(path), path) as folder,
            _open_file(folder, path) as file,
        ):
            return _sha256(file)

    def _delete(self, path: RelPath) -> None:
        with self._changing, _forbidden(path), self._folder(parent_of(path), path) as folder:
            name = _found(folder, path)
            found = _kind(folder, name)
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
            _forbidden(source),
            self._folder(parent_of(source), source) as from_folder,
        ):
            name = _found(from_folder, source)
            found = _kind(from_folder, name)
            if found is None:
                raise NoSuchFile(source)
            if found in {"link", "special"}:
                raise _not_a_file(source)
            if found == "folder":
                for entry in self._walk(source):
                    moved(entry.path, source, target)
            with _no_room(target), self._made_folder(parent_of(target), target) as to_folder:
                if _kind(to_folder, _found(to_folder, target)) is not None:
                    raise AlreadyThere(target, target)
                _refuse_twin(to_folder, target, unless=source)
                os.rename(
                    name,
                    name_of(target),
                    src_dir_fd=from_folder,
                    dst_dir_fd=to_folder,
                )

    def _make_folder(self, path: RelPath) -> None:
        with (
            self._changing,
            _forbidden(path),
            _no_room(path),
            self._made_folder(path, path, refuse_twins=False),
        ):
            pass

    def _list_folder(self, path: RelPath) -> list[Entry]:
        with _forbidden(path), self._folder(path, path) as folder:
            entries = _entries(folder, path)
        return sorted(entries, key=lambda entry: (entry.kind != "folder", entry.path))

    def _walk(self, start: RelPath = ROOT) -> list[Entry]:
        entries: list[Entry] = []
        pending = [start]
        while pending:
            path = pending.pop()
            # Gone or replaced since it was seen, or closed to us: then there is nothing to list.
            with suppress(NoSuchFile, NotAFolder, BadPath, PermissionError):
                with self._folder(path, path) as folder:
                    found = _entries(folder, path)
                entries += found
                pending += [entry.path for entry in found if entry.kind == "folder"]
        return sorted(entries, key=lambda entry: entry.path)

    @contextmanager
    def _folder(self, folder: RelPath, wanted: RelPath) -> Generator[int]:
        """Open an existing folder; `wanted` is what the error speaks of."""
        current = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for step in _steps(folder):
                current = _enter(current, step, wanted)
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
            for step in _steps(folder):
                if _kind(current, _found(current, step)) is None:
                    if refuse_twins:
                        _refuse_twin(current, step)
                    with suppress(FileExistsError):  # somebody made it just now
                        os.mkdir(name_of(step), dir_fd=current)
                current = _enter(current, step, wanted)
            yield current
        finally:
            os.close(current)


def _steps(folder: RelPath) -> list[RelPath]:
    """Every folder on the way to it, and itself."""
    return [*ancestors_of(folder), folder] if folder else []


def _enter(parent: int, folder: RelPath, wanted: RelPath) -> int:
    """Open `folder` and close its parent; on an error the parent stays open."""
    try:
        child = os.open(_found(parent, folder), _FOLDER, dir_fd=parent)
    except FileNotFoundError:
        raise NoSuchFile(wanted) from None
    except OSError as error:
        if error.errno not in {errno.ENOTDIR, errno.ELOOP}:
            raise
        if _kind(parent, _found(parent, folder)) == "file":
            raise NotAFolder(wanted, folder) from None
        raise _not_a_file(wanted) from None
    os.close(parent)
    return child


@contextmanager
def _open_file(folder: int, path: RelPath) -> Generator[int]:
    try:
        file = os.open(_found(folder, path), _READ, dir_fd=folder)
    except FileNotFoundError:
        raise NoSuchFile(path) from None
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.ENXIO}:  # a link; a socket
            raise _not_a_file(path) from None
        raise
    try:
        mode = os.fstat(file).st_mode
        if stat.S_ISDIR(mode):
            raise IsAFolder(path)
        if not stat.S_ISREG(mode):
            raise _not_a_file(path)
        yield file
    finally:
        os.close(file)


def _read_all(file: int, path: RelPath) -> bytes:
    chunks: list[bytes] = []
    size_bytes = 0
    while chunk := os.read(file, _CHUNK_BYTES):
        size_bytes += len(chunk)
        if size_bytes > MAX_FILE_BYTES:  # it grows while we read
            raise TooLarge(path, size_bytes)
        chunks.append(chunk)
    return b"".join(chunks)


def _sha256(file: int) -> str:
    digest = hashlib.sha256()
    while chunk := os.read(file, _CHUNK_BYTES):
        digest.update(chunk)
    return digest.hexdigest()


def _is_replaceable(folder: int, path: RelPath) -> bool:
    """Whether a file stands there; raises for anything else that does."""
    found = _kind(folder, _found(folder, path))
    if found == "folder":
        raise IsAFolder(path)
    if found in {"link", "special"}:
        raise _not_a_file(path)
    return found == "file"


def _replace(folder: int, path: RelPath, data: bytes) -> None:
    try:
        _replace_file(folder, _found(folder, path), data)
    except FileNotFoundError:  # the folder was deleted while it was open
        raise Changed(path) from None


def _replace_file(folder: int, name: str, data: bytes) -> None:
    """Write beside the file and rename over it: a reader sees the old or the new, never a part."""
    temporary = TEMPORARY_PREFIX + secrets.token_hex(8)
    file = os.open(temporary, _CREATE, 0o666, dir_fd=folder)
    try:
        try:
            with suppress(FileNotFoundError):
                old = os.stat(name, dir_fd=folder, follow_symlinks=False)
                os.fchmod(file, stat.S_IMODE(old.st_mode) & 0o777)
            view = memoryview(data)
            while view:
                view = view[os.write(file, view) :]
        finally:
            os.close(file)
        os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(temporary, dir_fd=folder)
        raise


def _kind(folder: int, name: str) -> Literal["file", "folder", "link", "special"] | None:
    try:
        mode = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return None
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISDIR(mode):
        return "folder"
    return "link" if stat.S_ISLNK(mode) else "special"


def _found(folder: int, path: RelPath) -> str:
    """The name under which it stands in its folder, composed or decomposed; else composed.

    macOS decomposes names, and so do archives that were packed there.
    """
    name = name_of(path)
    if not name.isascii() and _kind(folder, name) is None:
        decomposed = unicodedata.normalize("NFD", name)
        if _kind(folder, decomposed) is not None:
            return decomposed
    return name


def _entries(folder: int, path: RelPath) -> list[Entry]:
    entries: dict[str, Entry] = {}
    with os.scandir(folder) as found:
        for item in found:
            name = composed(item.name)
            if not is_nameable(name):
                continue
            child = RelPath(f"{path}/{name}" if path else name)
            if name in entries:
                log.warning("two_spellings_of_one_name", extra={"path": child})
                if item.name != name:
                    continue  # the composed one is what every other method finds
            with suppress(FileNotFoundError):  # deleted while we look
                if item.is_dir(follow_symlinks=False):
                    entries[name] = Entry(path=child, kind="folder", size_bytes=0)
                elif item.is_file(follow_symlinks=False):
                    size_bytes = item.stat(follow_symlinks=False).st_size
                    entries[name] = Entry(path=child, kind="file", size_bytes=size_bytes)
    return list(entries.values())


def _refuse_twin(folder: int, path: RelPath, *, unless: RelPath | None = None) -> None:
    wanted = folded(RelPath(name_of(path)))
    with os.scandir(folder) as found:
        for item in found:
            name = composed(item.name)
            twin = RelPath(f"{parent_of(path)}/{name}" if parent_of(path) else name)
            if twin not in {path, unless} and folded(RelPath(name)) == wanted:
                raise AlreadyThere(path, twin)


@contextmanager
def _no_room(path: RelPath) -> Generator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise DiskFull(path) from error
        raise


@contextmanager
def _forbidden(path: RelPath) -> Generator[None]:
    try:
        yield
    except PermissionError as error:
        raise NotPermitted(path) from error


def _not_a_file(path: RelPath) -> BadPath:
    return BadPath(
        f"{path} is, or goes through, a symbolic link or special file. Tools do not follow those: "
        "use the path of the real file, if it is in the project."
    )
