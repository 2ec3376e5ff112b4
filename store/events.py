"""The log lines of a project's generation, which the UI shows as they come."""

from typing import Literal

from core.ids import OwnerId, ProjectId
from store.client import ConvexHttp
from store.records import GenerationEvent
from store.rows import decode


class GenerationEvents:
    """Kept for 7 days."""

    def __init__(self, http: ConvexHttp) -> None:
        self._http = http

    async def append(  # noqa: PLR0913 - the fields of a row
        self,
        project_id: ProjectId,
        *,
        owner: OwnerId,
        key: str,
        type: Literal["step", "file", "info", "error"],  # noqa: A002 - the row's name
        message: str,
        file_path: str | None = None,
        preview: str | None = None,
    ) -> None:
        """Add a line; the same `key` in the same project adds it once. Raises: NotFound."""
        args = {
            "ownerId": owner,
            "projectId": project_id,
            "externalId": key,
            "type": type,
            "message": message,
            "filePath": file_path,
            "preview": preview,
        }
        await self._http.mutation("system/events:append", args)

    async def latest(
        self, project_id: ProjectId, *, owner: OwnerId, limit: int = 200
    ) -> tuple[GenerationEvent, ...]:
        """The last lines, oldest first, at most 1,000. Raises: NotFound."""
        args = {"ownerId": owner, "projectId": project_id, "limit": limit}
        value = await self._http.query("system/events:latest", args)
        return tuple(decode(GenerationEvent, row) for row in value)
