"""Archives, piece by piece, such as a project's: the same files always give the same bytes."""

import asyncio
import gzip
import io
import stat
import tarfile
import zipfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from core.ids import OwnerId, ProjectId
from store.gateway import Store
from store.records import FileMode

Form = Literal["zip", "tar.gz"]

_AT = (1980, 1, 1, 0, 0, 0)  # the first time that a zip can say
_LEVEL = 6


@dataclass(frozen=True)
class Entry:
    """A file of an archive; the data of a symbolic link is its target."""

    path: str
    data: bytes
    mode: FileMode | None = None


async def packed(
    store: Store, project_id: ProjectId, *, owner: OwnerId, form: Form
) -> AsyncIterator[bytes]:
    """The archive of a project's files, by path. Raises: NotFound, StoreUnavailable, midway too."""
    files = entries_of(store, project_id, owner=owner)
    async for piece in packed_entries(files, form=form):
        yield piece


async def entries_of(
    store: Store, project_id: ProjectId, *, owner: OwnerId, below: str = ""
) -> AsyncIterator[Sequence[Entry]]:
    """A project's files, some at a time, in the folder `below` ("a/b/"). Raises: as `packed`."""
    async for contents in store.files.contents(project_id, owner=owner):
        yield [Entry(below + it.entry.path, it.data, it.entry.mode) for it in contents]


async def packed_entries(
    entries: AsyncIterator[Sequence[Entry]], *, form: Form
) -> AsyncIterator[bytes]:
    """The archive of these files, piece by piece. Raises: what `entries` does."""
    packer: _Packer = _ZipPacker() if form == "zip" else _TarPacker()
    async for some in entries:
        yield await asyncio.to_thread(packer.add, some)
    yield await asyncio.to_thread(packer.end)


class _Pipe(io.RawIOBase):
    """Where an archive is written to, and taken from; nobody can go back in it."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: object, /) -> int:
        part = bytes(data)  # pyright: ignore[reportArgumentType] - a buffer
        self._parts.append(part)
        return len(part)

    def taken(self) -> bytes:
        """What was written since the last time."""
        data = b"".join(self._parts)
        self._parts = []
        return data


class _Packer(Protocol):
    def add(self, entries: Sequence[Entry]) -> bytes: ...

    def end(self) -> bytes: ...


class _ZipPacker:
    def __init__(self) -> None:
        self._pipe = _Pipe()
        self._zip = zipfile.ZipFile(self._pipe, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL)  # pyright: ignore[reportArgumentType] - it writes only

    def add(self, entries: Sequence[Entry]) -> bytes:
        for entry in entries:
            info = zipfile.ZipInfo(entry.path, _AT)
            info.create_system = 3  # Unix: the mode counts
            info.external_attr = _mode(entry.mode) << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            self._zip.writestr(info, entry.data)
        return self._pipe.taken()

    def end(self) -> bytes:
        self._zip.close()
        return self._pipe.taken()


class _TarPacker:
    def __init__(self) -> None:
        self._pipe = _Pipe()
        self._gzip = gzip.GzipFile("", "wb", _LEVEL, self._pipe, mtime=0)  # pyright: ignore[reportArgumentType] - it writes only
        self._tar = tarfile.open(fileobj=self._gzip, mode="w|", format=tarfile.PAX_FORMAT)  # noqa: SIM115 - closed at the end

    def add(self, entries: Sequence[Entry]) -> bytes:
        for entry in entries:
            info = tarfile.TarInfo(entry.path)
            info.mode = stat.S_IMODE(_mode(entry.mode))
            if entry.mode == "symlink":
                info.type, info.linkname = tarfile.SYMTYPE, entry.data.decode()
                self._tar.addfile(info)
            else:
                info.size = len(entry.data)
                self._tar.addfile(info, io.BytesIO(entry.data))
        return self._pipe.taken()

    def end(self) -> bytes:
        self._tar.close()
        self._gzip.close()
        return self._pipe.taken()


def _mode(mode: FileMode | None) -> int:
    match mode:
        case "symlink":
            return stat.S_IFLNK | 0o777
        case "executable":
            return stat.S_IFREG | 0o755
        case None:
            return stat.S_IFREG | 0o644
