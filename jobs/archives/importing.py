"""The steps of an import from an archive: read it from the store, write its files, say the rest."""

import asyncio
import tempfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from core.ids import OwnerId
from jobs.archives.reading import (
    Archive,
    ArchiveEntry,
    ArchiveRefused,
    Unreadable,
    open_archive,
)
from jobs.events import ArchiveImportRequested
from jobs.github.work import GithubWork
from jobs.incoming.judging import (
    Names,
    Report,
    Skipped,
    TooLarge,
    check_link,
    check_size,
    in_words,
)
from jobs.incoming.writer import Arrived, Writer, standing_in, writing
from jobs.transfers import say
from store.gateway import Store
from store.transfers import HowFar

DECLARED_SHARE = 2  # files that are left out may be as much again


class ArchiveGone(ArchiveRefused):
    """It was kept for a day, and nothing took it up."""

    code = "archive_gone"

    def __init__(self) -> None:
        super().__init__("The archive is not kept any more; send it again")


@dataclass(frozen=True)
class ArchiveImport:
    """One import; each method is a step, which is safe to make twice."""

    work: GithubWork
    store: Store
    asked: ArchiveImportRequested
    owner: OwnerId

    async def write(self) -> Arrived:
        """Write the files; those of an earlier attempt are not sent again.

        Raises: ArchiveRefused, ArchiveGone, TooLarge, TransferOver, NotFound.
        """
        await say(self.store, self.asked.transfer_id, phase="reading")
        with tempfile.TemporaryDirectory(prefix="archive-", dir=self.work.folder) as folder:
            path = Path(folder) / "archive"
            if not await self.store.transfers.fetch_archive(self.asked.transfer_id, path):
                raise ArchiveGone
            most = self.work.limits.total_bytes * DECLARED_SHARE
            root = await asyncio.to_thread(_common_folder, path, most)
            with closing(await asyncio.to_thread(open_archive, path, most)) as archive:
                return await self._written(archive, root)

    async def _written(self, archive: Archive, root: "_Root") -> Arrived:
        report = Report()
        standing = await standing_in(self.store, self.asked.project_id, owner=self.owner)
        most = HowFar(0, root.files, 0, 0)
        transfer_id = self.asked.transfer_id
        async with writing(self.store, transfer_id, standing, report, most) as writer:
            await self._fill(archive, writer, report, root)
            arrived = await writer.end()
        if not arrived.files:
            raise ArchiveRefused("There is no file in this archive that could come in")
        return arrived

    async def _fill(self, archive: Archive, writer: Writer, report: Report, root: "_Root") -> None:
        limits = self.work.limits
        names, files, size = Names(), 0, 0
        entries = archive.entries()
        while (entry := await asyncio.to_thread(next, entries, None)) is not None:
            try:
                path, data = await self._judged(archive, entry, names, root.folder)
            except (Skipped, Unreadable) as why:
                report.skip(entry.name, str(why))
                continue
            files, size = files + 1, size + len(data)
            if files > limits.files:
                raise TooLarge(f"It has more than {limits.files} files, which a project may have")
            if size > limits.total_bytes:
                raise TooLarge(f"Its files have more than {in_words(limits.total_bytes)}")
            await writer.add(path, data, entry.mode)

    async def _judged(
        self, archive: Archive, entry: ArchiveEntry, names: Names, root: str
    ) -> tuple[str, bytes]:
        """Where the file is to stand, and its bytes. Raises: Skipped, Unreadable."""
        if entry.trouble is not None:
            raise Skipped(entry.trouble)
        limit = self.work.limits.file_bytes
        check_size(entry.size, limit)
        name = entry.name.removeprefix(root)
        if entry.mode != "symlink":
            path = names.take(name)
            return path, await asyncio.to_thread(archive.read, limit)
        data = await asyncio.to_thread(archive.read, limit)
        check_link(name, data)
        return names.take(name), data

    async def finish(self, arrived: Arrived) -> None:
        """Close the transfer with the report; the archive goes with it."""
        await arrived.told(self.store, self.asked.transfer_id)


@dataclass(frozen=True)
class _Root:
    folder: str
    files: int


def _common_folder(path: Path, most_bytes: int) -> _Root:
    """The one folder that holds everything, as archives of repositories have it; "" for none."""
    folders: set[str] = set()
    files = 0
    with closing(open_archive(path, most_bytes)) as archive:
        for entry in archive.entries():
            files += 1
            folder, slash, _ = entry.name.partition("/")
            folders.add(folder + slash if slash else "")
    only = folders.pop() if len(folders) == 1 else ""
    return _Root("" if only in {"../", "/", "./", ".git/"} else only, files)
