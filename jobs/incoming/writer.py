"""Files into the store, in batches; what stands there already is not sent again."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from core.errors import NotFound, Refused
from core.ids import OwnerId, ProjectId
from jobs.incoming.judging import Report, is_lfs_pointer
from store.contents import Row, sha256_of
from store.errors import QuotaExceeded, TransferOver
from store.gateway import Store
from store.records import FileMode, NewLink, NewMode, ReportLine
from store.transfers import HowFar, NewFile

BATCH_FILES = 100
BATCH_BYTES = 2_000_000
_LFS = "Its content lies with Git LFS; this is the pointer to it"

Standing = Mapping[str, tuple[str | None, FileMode | None]]
"""Path → hash and mode of the files of a project."""


async def standing_in(store: Store, project_id: ProjectId, *, owner: OwnerId) -> Standing:
    """What an earlier attempt has written. Raises: NotFound."""
    return {
        entry.path: (entry.sha256, entry.mode)
        async for entry in store.files.walk(project_id, owner=owner)
        if entry.kind == "file"
    }


@dataclass(frozen=True)
class Arrived:
    """What came in, and what did not."""

    files: int
    skipped: tuple[ReportLine, ...]
    skipped_count: int
    notes: tuple[ReportLine, ...]

    async def told(
        self,
        store: Store,
        transfer_id: str,
        *,
        repo_url: str | None = None,
        link: NewLink | None = None,
    ) -> None:
        """Close the transfer with it. Raises: NotFound."""
        await store.transfers.finish(
            transfer_id,
            status="completed",
            repo_url=repo_url,
            link=link,
            skipped=self.skipped,
            skipped_count=self.skipped_count,
            notes=self.notes,
        )


@asynccontextmanager
async def writing(
    store: Store, transfer_id: str, standing: Standing, report: Report, most: HowFar
) -> AsyncGenerator["Writer"]:
    """A writer of the files of one import; `Writer.end` is the last that is asked of it.

    `most.total` and `most.total_bytes` are what it will be given.

    Raises: TransferOver, NotFound (the project), StoreUnavailable, also in the block.
    """
    try:
        async with asyncio.TaskGroup() as tasks:
            yield Writer(store, transfer_id, standing, report, most, tasks)
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from None  # one of the two says enough


class Writer:
    """Writes the files of one import: a batch is on its way while the next one comes together."""

    def __init__(  # noqa: PLR0913, PLR0917 - made by `writing`
        self,
        store: Store,
        transfer_id: str,
        standing: Standing,
        report: Report,
        most: HowFar,
        tasks: asyncio.TaskGroup,
    ) -> None:
        self._store = store
        self._transfer_id = transfer_id
        self._standing = standing
        self._report = report
        self._total, self._total_bytes = most.total, most.total_bytes
        self._tasks = tasks
        self._sending: asyncio.Task[None] | None = None
        self._done = 0
        self._bytes = 0
        self._batch: list[NewFile] = []
        self._batch_bytes = 0

    async def add(self, path: str, data: bytes, mode: NewMode) -> None:
        """Write the file, with those before and after it. Raises: as `writing`."""
        if is_lfs_pointer(data):
            self._report.note(path, _LFS)
        self._done += 1
        self._bytes += len(data)
        if not await self._stands(path, data, mode):
            self._batch.append(NewFile(path, data, mode))
            self._batch_bytes += len(data)
        if len(self._batch) >= BATCH_FILES or self._batch_bytes >= BATCH_BYTES:
            await self.flush()

    async def _stands(self, path: str, data: bytes, mode: NewMode) -> bool:
        if path not in self._standing:
            return False
        kept = None if mode == "regular" else mode
        return self._standing[path] == (await sha256_of(data), kept)

    async def end(self) -> Arrived:
        """Write what waits, and wait for it: it was all. Raises: as `writing`."""
        await self.flush()
        await self._sent()
        report = self._report
        return Arrived(self._done, tuple(report.skipped), report.skipped_count, tuple(report.notes))

    async def flush(self) -> None:
        """Send what waits, once the batch before it is written: they arrive in their order."""
        batch, self._batch, self._batch_bytes = self._batch, [], 0
        total, total_bytes = max(self._total, self._done), max(self._total_bytes, self._bytes)
        how_far = HowFar(self._done, total, self._bytes, total_bytes)
        rows = await self._store.transfers.kept(batch)
        await self._sent()
        self._sending = self._tasks.create_task(self._write(rows, how_far))

    async def _sent(self) -> None:
        if self._sending is not None:
            await self._sending

    async def _write(self, rows: Sequence[Row], how_far: HowFar) -> None:
        try:
            await self._store.transfers.write_rows(self._transfer_id, rows, how_far)
        except (TransferOver, NotFound, QuotaExceeded):
            raise
        except Refused:
            for row in rows:
                await self._alone(row, how_far)

    async def _alone(self, row: Row, how_far: HowFar) -> None:
        """One file of a batch that was refused: the store says which one it does not take."""
        try:
            await self._store.transfers.write_rows(self._transfer_id, [row], how_far)
        except (TransferOver, NotFound, QuotaExceeded):
            raise
        except Refused as refused:
            self._report.skip(str(row["path"]), str(refused))
