"""Imports and exports of repositories: how far, and how they ended."""

from typing import Literal

from core.ids import OwnerId, ProjectId
from store.client import ConvexHttp
from store.records import Transfer
from store.rows import decode


class Transfers:
    """A transfer sets its project's import or export status in the same write."""

    def __init__(self, http: ConvexHttp) -> None:
        self._http = http

    async def start(
        self,
        project_id: ProjectId,
        *,
        owner: OwnerId,
        kind: Literal["import", "export"],
        key: str,
    ) -> Transfer:
        """Begin one; the same `key` gives the same one again.

        Raises:
            NotFound: not the owner's project.
            Conflict: one of that kind is running already.
        """
        args = {"ownerId": owner, "projectId": project_id, "kind": kind, "externalId": key}
        return decode(Transfer, await self._http.mutation("system/transfers:start", args))

    async def progress(self, transfer_id: str, *, done: int, total: int) -> bool:
        """Say how far it is; false when it is over (cancelled, say): stop then.

        Raises: NotFound.
        """
        args = {"transferId": transfer_id, "done": done, "total": total}
        return bool(await self._http.mutation("system/transfers:progress", args))

    async def finish(
        self,
        transfer_id: str,
        *,
        status: Literal["completed", "failed", "cancelled"],
        repo_url: str | None = None,
        error: str | None = None,
    ) -> Transfer:
        """End it; one that ended before is returned as it is. Raises: NotFound."""
        args = {
            "transferId": transfer_id,
            "status": status,
            "repoUrl": repo_url,
            "error": error,
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
