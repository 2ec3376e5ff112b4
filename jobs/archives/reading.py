"""Archives, read one file after the other: zip and tar, also compressed; bombs are found early."""

import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from core.errors import Refused
from jobs.incoming.judging import TooLarge, in_words
from store.records import NewMode

READ_BYTES = 1 << 16
MOST_ENTRIES = 200_000
MOST_NAMES_BYTES = 64_000_000  # of an archive that is nothing but names
LARGEST_RATIO = 1_000  # of what a file has to what it takes in a zip; text has 1:20
BOMB_FROM_BYTES = 10_000_000
_EXECUTABLE = 0o100
_KINDS = {
    tarfile.CHRTYPE: "a device",
    tarfile.BLKTYPE: "a device",
    tarfile.FIFOTYPE: "a pipe",
}


class ArchiveRefused(Refused):
    """It is no archive that can be read, or one that must not be."""

    code = "bad_archive"


class Unreadable(Exception):
    """This entry cannot come in; the text says why."""


@dataclass(frozen=True)
class ArchiveEntry:
    """A file of an archive. `trouble`: why it is none that can come in, whatever it holds."""

    name: str
    size: int
    mode: NewMode
    trouble: str | None = None


class Archive(Protocol):
    """An archive that is open. Its entries are read in their order, each before the next."""

    def entries(self) -> Iterator[ArchiveEntry]:
        """Every file, without folders. Raises: ArchiveRefused, TooLarge."""
        ...

    def read(self, limit: int) -> bytes:
        """The bytes of the entry that was given last. Raises: Unreadable: there are more."""
        ...

    def close(self) -> None:
        """Close the files."""
        ...


def open_archive(path: Path, most_bytes: int) -> Archive:
    """Open by what the file is, not by its name; it may say to hold `most_bytes`.

    Raises: ArchiveRefused.
    """
    with path.open("rb") as file:
        head = file.read(4)
    try:
        if head.startswith(b"PK"):
            return _Zip(zipfile.ZipFile(path), most_bytes)
        return _Tar(tarfile.open(path, "r:*"), most_bytes)
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, OSError, zlib.error, ValueError):
        raise ArchiveRefused("This is no zip or tar.gz archive that can be read") from None


class _Zip:
    def __init__(self, archive: zipfile.ZipFile, most_bytes: int) -> None:
        self._archive = archive
        self._most_bytes = most_bytes
        self._now: zipfile.ZipInfo | None = None

    def entries(self) -> Iterator[ArchiveEntry]:
        infos = self._archive.infolist()
        _check_count(len(infos))
        _check_size(sum(info.file_size for info in infos), self._most_bytes)
        for info in infos:
            if info.is_dir():
                continue
            self._now = info
            yield ArchiveEntry(info.filename, info.file_size, *_zip_mode(info))

    def read(self, limit: int) -> bytes:
        assert self._now is not None  # noqa: S101 - as its reader promises
        packed = max(1, self._now.compress_size)
        if self._now.file_size > BOMB_FROM_BYTES and self._now.file_size / packed > LARGEST_RATIO:
            raise ArchiveRefused("It is packed a thousandfold: no archive of files is like that")
        try:
            with self._archive.open(self._now) as file:
                return _bounded(file, limit)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as bad:
            raise Unreadable(f"It cannot be read: {str(bad)[:100]}") from None

    def close(self) -> None:
        self._archive.close()


def _zip_mode(info: zipfile.ZipInfo) -> tuple[NewMode, str | None]:
    mode = info.external_attr >> 16
    if info.flag_bits & 1:
        return "regular", "It is encrypted"
    if stat.S_ISLNK(mode):
        return "symlink", None
    if stat.S_IFMT(mode) not in {0, stat.S_IFREG}:
        return "regular", "It is no file, but a device or a pipe"
    return ("executable" if mode & _EXECUTABLE else "regular"), None


class _Tar:
    def __init__(self, archive: tarfile.TarFile, most_bytes: int) -> None:
        self._archive = archive
        self._most_bytes = most_bytes
        self._now: tarfile.TarInfo | None = None

    def entries(self) -> Iterator[ArchiveEntry]:
        count = names = size = 0
        try:
            for info in self._archive:
                self._archive.members = []  # pyright: ignore[reportAttributeAccessIssue] - it keeps all
                count += 1
                names += len(info.name)
                size += info.size
                _check_count(count)
                _check_size(size, self._most_bytes)  # before it is unpacked to be passed over
                if names > MOST_NAMES_BYTES:
                    raise TooLarge("The names in this archive are too long")
                if info.isdir():
                    continue
                self._now = info
                yield ArchiveEntry(info.name.removeprefix("./"), info.size, *_tar_mode(info))
        except (tarfile.TarError, EOFError, zlib.error, OSError, ValueError) as bad:
            raise ArchiveRefused(
                f"The archive breaks off or is damaged: {str(bad)[:100]}"
            ) from None

    def read(self, limit: int) -> bytes:
        assert self._now is not None  # noqa: S101 - as its reader promises
        if self._now.issym():
            return self._now.linkname.encode(errors="surrogateescape")
        file = self._archive.extractfile(self._now)
        if file is None:
            raise Unreadable("It has no content")
        return _bounded(file, limit)

    def close(self) -> None:
        self._archive.close()


def _tar_mode(info: tarfile.TarInfo) -> tuple[NewMode, str | None]:
    if info.issym():
        return "symlink", None
    if info.islnk():
        return "regular", "It is a hard link; only files and symbolic links come in"
    if not info.isfile():
        return "regular", f"It is {_KINDS.get(info.type, 'no file')}"
    return ("executable" if info.mode & _EXECUTABLE else "regular"), None


def _check_count(count: int) -> None:
    if count > MOST_ENTRIES:
        raise TooLarge(f"The archive has more than {MOST_ENTRIES} entries")


def _check_size(size: int, most_bytes: int) -> None:
    if size > most_bytes:
        raise TooLarge(f"The files of the archive have more than {in_words(most_bytes)}")


def _bounded(file: IO[bytes], limit: int) -> bytes:
    """What a file has, whatever it says that it has."""
    parts: list[bytes] = []
    size = 0
    while data := file.read(READ_BYTES):
        size += len(data)
        if size > limit:
            raise Unreadable(f"It is larger than {in_words(limit)}")
        parts.append(data)
    return b"".join(parts)
