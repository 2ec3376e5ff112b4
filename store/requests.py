"""Imports, exports and generations that are not over, for the reaper."""

from datetime import datetime

from store.client import ConvexHttp
from store.records import OpenRequest
from store.rows import decode


class Requests:
    """Used by the reaper only: ids come from here."""

    def __init__(self, http: ConvexHttp) -> None:
        self._http = http

    async def stale(self, *, before: datetime) -> tuple[OpenRequest, ...]:
        """Those of which nothing was heard since `before`; some 100, the longest silent first."""
        args = {"before": before.timestamp() * 1000}
        rows = await self._http.query("system/requests:stale", args)
        return tuple(decode(OpenRequest, row) for row in rows)

    async def confirm(self, request: OpenRequest) -> None:
        """Note that it was looked at now, so that it does not count as silent."""
        args = {"kind": request.kind, "requestId": request.request_id}
        await self._http.mutation("system/requests:confirm", args)
