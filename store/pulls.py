"""Pulls and pull requests: asked for, and what a pull changes in a project."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from core.ids import OwnerId, ProjectId, new_id
from store.client import ConvexHttp
from store.contents import content_row
from store.records import FileMode, NewMode, ReportLine, RequestedExport
from store.rows import decode, encode
from store.transfers import Data


@dataclass(frozen=True)
class SeenFile:
    """A path as a merge saw it: `sha256` is "" where no file stood there."""

    path: str
    sha256: str = ""
    mode: FileMode | None = None


@dataclass(frozen=True)
class PulledFile:
    """What shall stand at a path instead of what was seen there."""

    seen: SeenFile
    data: bytes
    mode: NewMode


@dataclass(frozen=True)
class PullBatch:
    """The changes of a pull from after one path up to another, and how far it is with them."""

    after: str
    up_to: str
    removes: Sequence[SeenFile]
    writes: Sequence[PulledFile]
    conflicts: Sequence[ReportLine]
    done: int
    total: int


class Pulls:
    """Each is a transfer; there is one of a project and its repository at a time."""

    def __init__(self, http: ConvexHttp) -> None:
        self._http = http

    async def request(
        self,
        project_id: ProjectId,
        *,
        owner: OwnerId,
        kind: Literal["pull", "pullRequest"],
        data: Data,
        key: str | None = None,
    ) -> RequestedExport:
        """Begin one with its event; the same `key` gives the same again.

        Raises: NotFound, Conflict (one is running, or an export), Refused (no repository).
        """
        args = {
            "ownerId": owner,
            "projectId": project_id,
            "externalId": key or new_id("req"),
            "kind": kind,
            "data": dict(data),
        }
        return decode(RequestedExport, await self._http.mutation("system/pulls:request", args))

    async def apply(self, transfer_id: str, batch: PullBatch) -> None:
        """Make the changes of a batch, all or none; the same batch again changes nothing.

        Folders in which it leaves nothing go too. At most 500 changes.

        Raises:
            TransferOver: it was cancelled, or has ended.
            FileChanged: a file is not what was seen.
            Conflict: another worker goes on with it, or a folder is in the way of a file.
            NotFound: the transfer.
            Refused: a path or a link that a project cannot have.
        """
        writes = [
            await content_row(self._http, file.seen.path, file.data, file.mode)
            | _expected(file.seen)
            for file in batch.writes
        ]
        args = {
            "transferId": transfer_id,
            "batch": {
                "after": batch.after,
                "upTo": batch.up_to,
                "removes": [{"path": file.path} | _expected(file) for file in batch.removes],
                "writes": writes,
                "conflicts": [encode(line) for line in batch.conflicts],
                "done": batch.done,
                "total": batch.total,
            },
        }
        await self._http.mutation("system/pulls:apply", args)


def _expected(seen: SeenFile) -> dict[str, str]:
    mode = {} if seen.mode is None else {"expectedMode": seen.mode}
    return {"expectedSha256": seen.sha256, **mode}
