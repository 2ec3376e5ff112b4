"""Imports and exports of projects: asked for, how far they are, and how they ended."""

import asyncio
import tempfile
from collections.abc import AsyncIterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, TypeAlias

from core.ids import OwnerId, ProjectId, new_id
from store.client import ConvexHttp
from store.contents import Content, Row, content_rows
from store.records import (
    CancelledTransfers,
    NewLink,
    NewMode,
    OpenedPullRequest,
    ReportLine,
    RequestedExport,
    RequestedImport,
    Transfer,
    TransferKind,
)
from store.rows import decode, encode

Kind: TypeAlias = TransferKind
Data = Mapping[str, str | int | float | bool | None]


@dataclass(frozen=True)
class NewFile:
    """A file of an import."""

    path: str
    data: bytes
    mode: NewMode = "regular"


@dataclass(frozen=True)
class HowFar:
    """Files and bytes that are through, of how many."""

    done: int
    total: int
    bytes: int
    total_bytes: int


class Transfers:
    """A transfer sets its project's import or export status in the same write."""

    def __init__(self, http: ConvexHttp) -> None:
        self._http = http

    async def request_import(  # noqa: PLR0913 - all by name
        self,
        *,
        owner: OwnerId,
        name: str,
        event: Literal["github/import.requested", "archive/import.requested"],
        data: Data,
        key: str | None = None,
        storage_id: str | None = None,
    ) -> RequestedImport:
        """Make a project and the import that fills it; the same `key` gives the same again.

        The event is committed with them, its data with the ids of both.

        Raises: Refused (the name).
        """
        args = {
            "ownerId": owner,
            "name": name,
            "externalId": key or new_id("req"),
            "event": event,
            "data": dict(data),
            "storageId": storage_id,
        }
        value = await self._http.mutation("system/transfers:requestImport", args)
        return decode(RequestedImport, value)

    async def request_export(
        self, project_id: ProjectId, *, owner: OwnerId, data: Data, key: str | None = None
    ) -> RequestedExport:
        """Begin an export with its event; the same `key` gives the same again.

        Raises: NotFound, Conflict (one is running).
        """
        args = {
            "ownerId": owner,
            "projectId": project_id,
            "externalId": key or new_id("req"),
            "data": dict(data),
        }
        value = await self._http.mutation("system/transfers:requestExport", args)
        return decode(RequestedExport, value)

    async def cancel(
        self, project_id: ProjectId, *, owner: OwnerId, kind: Kind
    ) -> CancelledTransfers:
        """Stop what runs of that kind: no write of it follows. Empty where none runs.

        Raises: NotFound.
        """
        args = {"ownerId": owner, "projectId": project_id, "kind": kind}
        value = await self._http.mutation("system/transfers:cancel", args)
        return decode(CancelledTransfers, value)

    async def keep_archive(self, chunks: AsyncIterable[bytes]) -> str:
        """Keep an archive for an import that is to be asked for; its storage id.

        One that no import takes up is swept after a day.
        """
        with tempfile.TemporaryFile() as file:
            async for chunk in chunks:
                await asyncio.to_thread(file.write, chunk)
            file.seek(0)
            url = await self._http.mutation("system/files:uploadUrl", {})
            return await self._http.upload_file(url, file)

    async def fetch_archive(self, transfer_id: str, path: Path) -> bool:
        """Copy the archive of an import to `path`; False where it is gone."""
        args = {"transferId": transfer_id}
        url = await self._http.query("system/transfers:archiveUrl", args)
        if url is None:
            return False
        with path.open("wb") as file:
            await self._http.download_to(str(url), file)
        return True

    async def start(
        self, project_id: ProjectId, *, owner: OwnerId, kind: Kind, key: str
    ) -> Transfer:
        """Begin one without an event; the same `key` gives the same one again.

        Raises:
            NotFound: not the owner's project.
            Conflict: one of that kind is running already.
        """
        args = {"ownerId": owner, "projectId": project_id, "kind": kind, "externalId": key}
        return decode(Transfer, await self._http.mutation("system/transfers:start", args))

    async def progress(
        self,
        transfer_id: str,
        *,
        waiting_until: datetime | None = None,
        **said: str | int | None,
    ) -> bool:
        """Say how far it is; false when it is over (cancelled, say): stop then.

        `said`: `phase`, `done`, `total`, `bytes`, `total_bytes`, `branch`, `commit`, `repo_url`.

        Raises: NotFound.
        """
        args: dict[str, object] = {"transferId": transfer_id}
        args |= {_WIRE[name]: value for name, value in said.items()}
        if waiting_until is not None:
            args["waitingUntil"] = round(waiting_until.timestamp() * 1000)
        return bool(await self._http.mutation("system/transfers:progress", args))

    async def kept(self, files: Sequence[NewFile]) -> Sequence[Row]:
        """The files as `write_rows` takes them: what is no short text is uploaded already."""
        contents: list[Content] = [(file.path, file.data, file.mode) for file in files]
        return await content_rows(self._http, contents)

    async def write_rows(self, transfer_id: str, rows: Sequence[Row], how_far: HowFar) -> None:
        """Write files of an import, whatever stands there, and say how far it is; all or nothing.

        At most 200. Raises: TransferOver, NotFound, Refused (a path, a link).
        """
        args = {"transferId": transfer_id, "files": list(rows), **encode(how_far)}
        await self._http.mutation("system/transfers:write", args)

    async def finish(  # noqa: PLR0913 - all by name
        self,
        transfer_id: str,
        *,
        status: Literal["completed", "failed", "cancelled"],
        repo_url: str | None = None,
        error: str | None = None,
        error_code: str | None = None,
        skipped: Sequence[ReportLine] | None = None,
        skipped_count: int | None = None,
        notes: Sequence[ReportLine] | None = None,
        link: NewLink | None = None,
        pull_request: OpenedPullRequest | None = None,
    ) -> Transfer:
        """End it; one that ended before is returned as it is. Raises: NotFound.

        `link`: what the project has in common with its repository from now on.
        """
        args = {
            "transferId": transfer_id,
            "status": status,
            "repoUrl": repo_url,
            "error": error,
            "errorCode": error_code,
            "skipped": None if skipped is None else [encode(line) for line in skipped],
            "skippedCount": skipped_count,
            "notes": None if notes is None else [encode(line) for line in notes],
            "link": None if link is None else encode(link),
            "pullRequest": None if pull_request is None else encode(pull_request),
        }
        return decode(Transfer, await self._http.mutation("system/transfers:finish", args))

    async def latest(
        self, project_id: ProjectId, *, owner: OwnerId, limit: int = 20
    ) -> tuple[Transfer, ...]:
        """Newest first, at most 100. Raises: NotFound."""
        args = {"ownerId": owner, "projectId": project_id, "limit": limit}
        value = await self._http.query("system/transfers:latest", args)
        return tuple(decode(Transfer, row) for row in value)

    async def reset_export(self, project_id: ProjectId, *, owner: OwnerId) -> None:
        """Clear the project's export status and address.

        Raises: NotFound, Conflict (it is running).
        """
        args = {"ownerId": owner, "projectId": project_id}
        await self._http.mutation("system/transfers:resetExport", args)


_WIRE = {
    "phase": "phase",
    "done": "done",
    "total": "total",
    "bytes": "bytes",
    "total_bytes": "totalBytes",
    "branch": "branch",
    "commit": "commit",
    "repo_url": "repoUrl",
}
