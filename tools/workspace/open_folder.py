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
        raise not_a_file(wanted) from None
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
            raise not_a_file(path) from None
        raise
    try:
        mode = os.fstat(file).st_mode
        if stat.S_ISDIR(mode):
            raise IsAFolder(path)
        if not stat.S_ISREG(mode):
            raise not_a_file(path)
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
        raise not_a_file(path)
    return found == "file"


def replace(folder: int, path: RelPath, data: bytes) -> os.stat_result:
    """Write the file at `path`, which stands in `folder`, whole or not at all. Raises: Changed.

    What comes back tells whether it is changed later: its time lies so far back that a change,
    however soon, leaves another.
    """
    try:
        return _replace_file(folder, found_name(folder, path), data)
    except FileNotFoundError:  # the folder was deleted while it was open
        raise Changed(path) from None


def _replace_file(folder: int, name: str, data: bytes) -> os.stat_result:
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
                if item.is_dir(follow_symlinks=False):
                    entries[name] = Entry(path=child, kind="folder", size_bytes=0)
                elif item.is_file(follow_symlinks=False):
                    size_bytes = item.stat(follow_symlinks=False).st_size
                    entries[name] = Entry(path=child, kind="file", size_bytes=size_bytes)
    return list(entries.values())


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


def not_a_file(path: RelPath) -> BadPath:
    """The error for a link or special file."""
    return BadPath(
        f"{path} is, or goes through, a symbolic link or special file. Tools do not follow those: "
        "use the path of the real file, if it is in the project."
    )
