"""A project as an archive, piece by piece: the same files always give the same bytes."""

import asyncio
import gzip
import io
import stat
import tarfile
import zipfile
from collections.abc import AsyncIterator
from typing import Literal, Protocol

from core.ids import OwnerId, ProjectId
from store.gateway import Store
from store.records import FileContent, FileMode

Form = Literal["zip", "tar.gz"]

_AT = (1980, 1, 1, 0, 0, 0)  # the first time that a zip can say
_LEVEL = 6


async def packed(
    store: Store, project_id: ProjectId, *, owner: OwnerId, form: Form
) -> AsyncIterator[bytes]:
    """The archive of a project's files, by path. Raises: NotFound, StoreUnavailable, midway too."""
    packer: _Packer = _ZipPacker() if form == "zip" else _TarPacker()
    async for contents in store.files.contents(project_id, owner=owner):
        yield await asyncio.to_thread(packer.add, contents)
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
    def add(self, contents: tuple[FileContent, ...]) -> bytes: ...

    def end(self) -> bytes: ...


class _ZipPacker:
    def __init__(self) -> None:
        self._pipe = _Pipe()
        self._zip = zipfile.ZipFile(self._pipe, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL)  # pyright: ignore[reportArgumentType] - it writes only

    def add(self, contents: tuple[FileContent, ...]) -> bytes:
        for content in contents:
            info = zipfile.ZipInfo(content.entry.path, _AT)
            info.create_system = 3  # Unix: the mode counts
            info.external_attr = _mode(content.entry.mode) << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            self._zip.writestr(info, content.data)
        return self._pipe.taken()

    def end(self) -> bytes:
        self._zip.close()
        return self._pipe.taken()


class _TarPacker:
    def __init__(self) -> None:
        self._pipe = _Pipe()
        self._gzip = gzip.GzipFile("", "wb", _LEVEL, self._pipe, mtime=0)  # pyright: ignore[reportArgumentType] - it writes only
        self._tar = tarfile.open(fileobj=self._gzip, mode="w|", format=tarfile.PAX_FORMAT)  # noqa: SIM115 - closed at the end

    def add(self, contents: tuple[FileContent, ...]) -> bytes:
        for content in contents:
            info = tarfile.TarInfo(content.entry.path)
            info.mode = stat.S_IMODE(_mode(content.entry.mode))
            if content.entry.mode == "symlink":
                info.type, info.linkname = tarfile.SYMTYPE, content.data.decode()
                self._tar.addfile(info)
            else:
                info.size = len(content.data)
                self._tar.addfile(info, io.BytesIO(content.data))
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
