"""The engine as the commands reach it through the API of a running process."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import aiohttp

from app.cli.engine.client import Json, page_size
from core.errors import Refused


class RequestRefused(Refused):
    """The API has refused; the text is its own."""

    code = "request_refused"


class ApiClient:
    """Through the API of a running process."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def runs(self, which: Mapping[str, str | None], limit: int) -> list[Json]:
        """Runs, newest first."""
        return await self._pages("/api/runs", "runs", which, limit)

    async def run(self, run_id: str) -> Json:
        """One run with its steps."""
        return await self._call("GET", f"/api/runs/{quote(run_id)}")

    async def events(self, which: Mapping[str, str | None], limit: int) -> list[Json]:
        """Events, last received first."""
        return await self._pages("/api/events", "events", which, limit)

    async def send(self, name: str, data: Json, event_id: str | None) -> Json:
        """Send an event."""
        body = {"name": name, "data": data} | ({} if event_id is None else {"eventId": event_id})
        return await self._call("POST", "/api/events", json=body)

    async def cancel(self, run_id: str) -> Json:
        """Cancel a run."""
        return await self._call("POST", f"/api/runs/{quote(run_id)}/cancel")

    async def replay(self, run_id: str) -> Json:
        """Repeat a failed or cancelled run from where it failed."""
        return await self._call("POST", f"/api/runs/{quote(run_id)}/replay")

    async def rerun(self, run_id: str, from_step: str | None, data: Json | None) -> Json:
        """Repeat a run that has ended, from its start or a step, with its event or other data."""
        body = {"fromStep": from_step, "data": data}
        given = {name: value for name, value in body.items() if value is not None}
        return await self._call("POST", f"/api/runs/{quote(run_id)}/rerun", json=given)

    async def jobs(self) -> list[Json]:
        """What jobs there are, and how they stand."""
        return (await self._call("GET", "/api/jobs"))["jobs"]

    async def pause(self, job_id: str) -> Json:
        """Let no run of a job start."""
        return await self._call("POST", f"/api/jobs/{quote(job_id, safe='')}/pause")

    async def resume(self, job_id: str) -> Json:
        """Let runs of a job start again."""
        return await self._call("POST", f"/api/jobs/{quote(job_id, safe='')}/resume")

    async def _pages(
        self, path: str, of: str, which: Mapping[str, str | None], limit: int
    ) -> list[Json]:
        found: list[Json] = []
        given = {name: value for name, value in which.items() if value is not None}
        while len(found) < limit:
            page = await self._call(
                "GET", path, params={**given, "limit": str(page_size(limit, found))}
            )
            found += page[of]
            if "nextCursor" not in page:
                break
            given["cursor"] = page["nextCursor"]
        return found

    async def _call(self, method: str, path: str, **options: Any) -> Json:
        async with self._session.request(method, path, **options) as response:
            answer: Json = await response.json()
            if response.status >= HTTPStatus.BAD_REQUEST:
                raise RequestRefused(answer["error"])
            return answer
