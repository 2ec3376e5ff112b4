"""What is done inside one open folder of a disk, by name and never through a link."""

import errno
import hashlib
import logging
import os
import secrets
import stat
import time
import unicodedata
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import Literal

from tools.workspace.links import leads_to
from tools.workspace.paths import (
    TEMPORARY_PREFIX,
    ancestors_of,
    composed,
    folded,
    is_nameable,
    name_of,
    parent_of,
)
from tools.workspace.port import (
    MAX_FILE_BYTES,
    AlreadyThere,
    Changed,
    DiskFull,
    Entry,
    IsAFolder,
    NoSuchFile,
    NotAFile,
    NotAFolder,
    NotPermitted,
    RelPath,
    TooLarge,
)

TICK_NS = 20_000_000
"""Two changes of a file within it may leave the same time on it."""

log = logging.getLogger(__name__)

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a FIFO must not block the open
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_CHUNK_BYTES = 1024 * 1024


def steps_to(folder: RelPath) -> list[RelPath]:
    """Every folder on the way to it, and itself."""
    return [*ancestors_of(folder), folder] if folder else []


def enter(parent: int, folder: RelPath, wanted: RelPath) -> int:
    """Open `folder` and close its parent; on an error the parent stays open."""
    try:
        child = os.open(found_name(parent, folder), _FOLDER, dir_fd=parent)
    except FileNotFoundError:
        raise NoSuchFile(wanted) from None
    except OSError as error:
        if error.errno not in {errno.ENOTDIR, errno.ELOOP}:
            raise
        if kind_of(parent, found_name(parent, folder)) == "file":
            raise NotAFolder(wanted, folder) from None
        raise NotAFile(wanted, folder) from None
    os.close(parent)
    return child


@contextmanager
def open_file(folder: int, path: RelPath) -> Generator[int]:
    """Open a file to read. Raises: NoSuchFile, IsAFolder, BadPath (a link or special file)."""
    try:
        file = os.open(found_name(folder, path), _READ, dir_fd=folder)
    except FileNotFoundError:
        raise NoSuchFile(path) from None
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.ENXIO}:  # a link; a socket
            raise NotAFile(path, path) from None
        raise
    try:
        mode = os.fstat(file).st_mode
        if stat.S_ISDIR(mode):
            raise IsAFolder(path)
        if not stat.S_ISREG(mode):
            raise NotAFile(path, path)
        yield file
    finally:
        os.close(file)


def read_all(file: int, path: RelPath) -> bytes:
    """The bytes of an open file. Raises: TooLarge."""
    chunks: list[bytes] = []
    size_bytes = 0
    while chunk := os.read(file, _CHUNK_BYTES):
        size_bytes += len(chunk)
        if size_bytes > MAX_FILE_BYTES:  # it grows while we read
            raise TooLarge(path, size_bytes)
        chunks.append(chunk)
    return b"".join(chunks)


def hash_of(file: int) -> str:
    """The SHA-256 of an open file of any size."""
    digest = hashlib.sha256()
    while chunk := os.read(file, _CHUNK_BYTES):
        digest.update(chunk)
    return digest.hexdigest()


def is_replaceable(folder: int, path: RelPath) -> bool:
    """Whether a file stands there; raises for anything else that does."""
    found = kind_of(folder, found_name(folder, path))
    if found == "folder":
        raise IsAFolder(path)
    if found in {"link", "special"}:
        raise NotAFile(path, path)
    return found == "file"


def replace(
    folder: int, path: RelPath, data: bytes, *, executable: bool | None = None
) -> os.stat_result:
    """Write the file at `path`, which stands in `folder`, whole or not at all. Raises: Changed.

    It stays as executable as it was, unless that is said. What comes back tells whether it is
    changed later: its time lies so far back that a change, however soon, leaves another.
    """
    try:
        return _replace_file(folder, found_name(folder, path), data, executable)
    except FileNotFoundError:  # the folder was deleted while it was open
        raise Changed(path) from None


def replace_with_link(folder: int, path: RelPath, target: str) -> os.stat_result:
    """Make a link stand at `path` in `folder`, where a file may stand. Raises: Changed."""
    temporary = TEMPORARY_PREFIX + secrets.token_hex(8)
    try:
        os.symlink(target, temporary, dir_fd=folder)
        try:
            _set_back(temporary, folder)
            written = os.stat(temporary, dir_fd=folder, follow_symlinks=False)
            name = found_name(folder, path)
            os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            with suppress(FileNotFoundError):
                os.unlink(temporary, dir_fd=folder)
            raise
    except FileNotFoundError:  # the folder was deleted while it was open
        raise Changed(path) from None
    return written


def _set_back(name: str, folder: int) -> None:
    before = time.time_ns() - TICK_NS
    os.utime(name, ns=(before, before), dir_fd=folder, follow_symlinks=False)


def _replace_file(folder: int, name: str, data: bytes, executable: bool | None) -> os.stat_result:
    """Write beside the file and rename over it: a reader sees the old or the new, never a part."""
    temporary = TEMPORARY_PREFIX + secrets.token_hex(8)
    file = os.open(temporary, _CREATE, 0o666, dir_fd=folder)
    try:
        try:
            with suppress(FileNotFoundError):
                old = os.stat(name, dir_fd=folder, follow_symlinks=False)
                if stat.S_ISREG(old.st_mode):
                    os.fchmod(file, stat.S_IMODE(old.st_mode) & 0o777)
            if executable is not None:
                os.fchmod(file, _mode(os.fstat(file).st_mode, executable))
            view = memoryview(data)
            while view:
                view = view[os.write(file, view) :]
            before = time.time_ns() - TICK_NS
            os.utime(file, ns=(before, before))
            written = os.fstat(file)
        finally:
            os.close(file)
        os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(temporary, dir_fd=folder)
        raise
    return written


def _mode(mode: int, executable: bool) -> int:
    """Whoever may read it may execute it, or nobody may, as `chmod +x` and `-x` do."""
    readers = mode & 0o444
    return stat.S_IMODE(mode) & 0o666 | (readers >> 2 if executable else 0)


def kind_of(folder: int, name: str) -> Literal["file", "folder", "link", "special"] | None:
    """What stands there under exactly that name."""
    try:
        mode = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return None
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISDIR(mode):
        return "folder"
    return "link" if stat.S_ISLNK(mode) else "special"


def found_name(folder: int, path: RelPath) -> str:
    """The name under which it stands in its folder, composed or decomposed; else composed.

    macOS decomposes names, and so do archives that were packed there.
    """
    name = name_of(path)
    if not name.isascii() and kind_of(folder, name) is None:
        decomposed = unicodedata.normalize("NFD", name)
        if kind_of(folder, decomposed) is not None:
            return decomposed
    return name


def entries_of(folder: int, path: RelPath) -> list[Entry]:
    """What is in an open folder, which is at `path`; names that cannot be told are left out."""
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
                if (entry := _entry_of(item, child, folder)) is not None:
                    entries[name] = entry
    return list(entries.values())


def _entry_of(item: os.DirEntry[str], path: RelPath, folder: int) -> Entry | None:
    """None for a special file, and for a link that leads out. Raises: FileNotFoundError."""
    if item.is_dir(follow_symlinks=False):
        return Entry(path, "folder", 0)
    if item.is_file(follow_symlinks=False):
        status = item.stat(follow_symlinks=False)
        return Entry(path, "file", status.st_size, is_executable=is_executable(status))
    target = target_of(folder, item.name) if item.is_symlink() else None
    if target is None or leads_to(path, target) is None:
        return None
    return Entry(path, "link", len(target.encode()), target=target)


def is_executable(status: os.stat_result) -> bool:
    """Whether its owner may execute it: all that is kept of a mode, as git does."""
    return bool(status.st_mode & stat.S_IXUSR)


def target_of(folder: int, name: str) -> str | None:
    """Where a link of that name leads; None where none stands, or its target is no text."""
    with suppress(OSError, UnicodeDecodeError):
        return os.readlink(os.fsencode(name), dir_fd=folder).decode()
    return None


def refuse_twin(folder: int, path: RelPath, *, unless: RelPath | None = None) -> None:
    """A new name may not be one that some disks take for one beside it. Raises: AlreadyThere."""
    wanted = folded(RelPath(name_of(path)))
    with os.scandir(folder) as found:
        for item in found:
            name = composed(item.name)
            twin = RelPath(f"{parent_of(path)}/{name}" if parent_of(path) else name)
            if twin not in {path, unless} and folded(RelPath(name)) == wanted:
                raise AlreadyThere(path, twin)


@contextmanager
def no_room(path: RelPath) -> Generator[None]:
    """What the system says of a full disk becomes `DiskFull`."""
    try:
        yield
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise DiskFull(path) from error
        raise


@contextmanager
def forbidden(path: RelPath) -> Generator[None]:
    """What the system says of permissions becomes `NotPermitted`."""
    try:
        yield
    except PermissionError as error:
        raise NotPermitted(path) from error
