"""Files into the store, in batches; what stands there already is not sent again."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from core.errors import NotFound, Refused
from core.ids import OwnerId, ProjectId
from jobs.incoming.judging import Report, is_lfs_pointer
from store.errors import TransferOver
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


class Writer:
    """Writes the files of one import. `total` and `total_bytes` are what it will be given."""

    def __init__(
        self, store: Store, transfer_id: str, standing: Standing, report: Report, most: HowFar
    ) -> None:
        self._store = store
        self._transfer_id = transfer_id
        self._standing = standing
        self._report = report
        self._total, self._total_bytes = most.total, most.total_bytes
        self._done = 0
        self._bytes = 0
        self._batch: list[NewFile] = []
        self._batch_bytes = 0

    async def add(self, path: str, data: bytes, mode: NewMode) -> None:
        """Write the file, now or with those after it.

        Raises: TransferOver, NotFound (the project), StoreUnavailable.
        """
        if is_lfs_pointer(data):
            self._report.note(path, _LFS)
        self._done += 1
        self._bytes += len(data)
        kept = (hashlib.sha256(data).hexdigest(), None if mode == "regular" else mode)
        if self._standing.get(path) != kept:
            self._batch.append(NewFile(path, data, mode))
            self._batch_bytes += len(data)
        if len(self._batch) >= BATCH_FILES or self._batch_bytes >= BATCH_BYTES:
            await self.flush()

    async def end(self) -> Arrived:
        """Write what waits: it was all. Raises: as `add`."""
        written, report = await self.flush(), self._report
        return Arrived(
            written.done, tuple(report.skipped), report.skipped_count, tuple(report.notes)
        )

    async def flush(self) -> HowFar:
        """Write what waits; how far it is. Raises: as `add`."""
        batch, self._batch, self._batch_bytes = self._batch, [], 0
        total, total_bytes = max(self._total, self._done), max(self._total_bytes, self._bytes)
        how_far = HowFar(self._done, total, self._bytes, total_bytes)
        try:
            await self._store.transfers.write(self._transfer_id, batch, how_far)
        except (TransferOver, NotFound):
            raise
        except Refused:
            for file in batch:
                await self._alone(file, how_far)
        return how_far

    async def _alone(self, file: NewFile, how_far: HowFar) -> None:
        """One file of a batch that was refused: the store says which one it does not take."""
        try:
            await self._store.transfers.write(self._transfer_id, [file], how_far)
        except (TransferOver, NotFound):
            raise
        except Refused as refused:
            self._report.skip(file.path, str(refused))
