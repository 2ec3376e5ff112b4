"""The engine as the commands reach it: its PostgreSQL, or the API of a running `polaris dev`."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any, Protocol
from urllib.parse import quote

import aiohttp

from app.ready_file import NothingRunning, read_announced
from app.settings import Settings
from core.errors import Refused

TIMEOUT_S = 30.0

Json = dict[str, Any]


class RequestRefused(Refused):
    """The API has refused; the text is its own."""

    code = "request_refused"


class NoOperator(Refused):
    """`polaris dev` with an issuer has no local user in whose name a command could act."""

    code = "no_operator"

    def __init__(self) -> None:
        super().__init__(
            "this installation has an issuer, so there is no local user to act as: use the HTTP "
            "API with a token of yours, or set POLARIS_DATABASE_URL"
        )


class Desk(Protocol):
    """What the commands do, in the shapes of the HTTP API."""

    async def runs(self, which: Mapping[str, str | None], limit: int) -> list[Json]:
        """Runs, newest first."""
        ...

    async def run(self, run_id: str) -> Json:
        """One run with its steps."""
        ...

    async def events(self, which: Mapping[str, str | None], limit: int) -> list[Json]:
        """Events, last received first."""
        ...

    async def send(self, name: str, data: Json, event_id: str | None) -> Json:
        """Send an event."""
        ...

    async def cancel(self, run_id: str) -> Json:
        """Cancel a run."""
        ...


@asynccontextmanager
async def open_desk(settings: Settings) -> AsyncGenerator[Desk]:
    """The desk of these settings. Raises: NothingRunning, NoOperator."""
    if settings.database_url is not None:
        from app.cli.database_desk import DatabaseDesk  # noqa: PLC0415 - HTTP needs no engine
        from app.wiring import operator_view  # noqa: PLC0415 - as above

        async with operator_view(settings) as view:
            yield DatabaseDesk(view)
        return
    running = read_announced(settings.data_dir)
    if running.token is None:
        raise NoOperator
    async with aiohttp.ClientSession(
        base_url=running.url,
        headers={"Authorization": f"Bearer {running.token}"},
        timeout=aiohttp.ClientTimeout(total=TIMEOUT_S),
    ) as session:
        try:
            yield HttpDesk(session)
        except aiohttp.ClientConnectionError as error:  # it was killed, and its file is still there
            raise NothingRunning(settings.data_dir) from error


class HttpDesk:
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


def page_size(limit: int, found: list[Json]) -> int:
    """How many more to ask for at once."""
    return min(200, limit - len(found))
