"""Official Convex clients in one Node process, and when each of their callbacks came."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from time import monotonic_ns
from typing import Any, Literal, Self

from core.node import NODE

PROGRAM = Path(__file__).with_name("viewers.ts")
ANSWER_S = 30.0  # no callback may take longer
LINE_LIMIT = 1 << 24


class ViewerFailed(Exception):
    """A subscription reported an error, or the clocks of the two processes do not agree."""


class CallRefused(Exception):
    """The function threw; `data` is that of a ConvexError."""

    def __init__(self, text: str, data: Any) -> None:
        super().__init__(text)
        self.data = data


@dataclass(frozen=True)
class Update:
    """A callback: whose, when (monotonic seconds, as `time.monotonic`), and what it was given."""

    subscription: str
    at: float
    value: Any


class Viewers:
    """An async context manager; commands return at once, updates come from `update`."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._clients = 0
        self._calls = count()

    async def __aenter__(self) -> Self:
        """Start the process and compare the clocks. Raises: ViewerFailed."""
        self._process = await asyncio.create_subprocess_exec(
            NODE,
            PROGRAM,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=LINE_LIMIT,
        )
        before = monotonic_ns()
        self._order({"op": "clock"})
        theirs = int((await self._line())["clock"])
        if not before <= theirs <= monotonic_ns():
            await self.__aexit__(None, None, None)
            raise ViewerFailed("Node's monotonic clock is not Python's on this machine")
        return self

    async def __aexit__(self, *_: object) -> None:
        """End the process."""
        process = self._running
        if process.returncode is None:
            process.kill()
        await process.wait()

    def open(self, url: str, *, token: str | None = None) -> int:
        """A new client; its number."""
        number = self._clients
        self._clients += 1
        order = {"op": "open", "client": number, "url": url}
        self._order(order if token is None else order | {"token": token})
        return number

    def subscribe(
        self, subscription: str, *, client: int, path: str, args: Mapping[str, object]
    ) -> None:
        """Follow a query under this name."""
        self._order(
            {"op": "subscribe", "id": subscription, "client": client, "path": path, "args": args}
        )

    def unsubscribe(self, subscription: str) -> None:
        """Follow it no more; updates that are under way may still come."""
        self._order({"op": "unsubscribe", "id": subscription})

    async def call(
        self,
        kind: Literal["query", "mutation"],
        path: str,
        args: Mapping[str, object],
        *,
        client: int,
    ) -> Any:
        """One call, once; what it gives. Updates that come meanwhile are passed over.

        Raises:
            CallRefused: the function threw.
        """
        number = next(self._calls)
        name = f"call {number}"
        self._order({"op": kind, "id": name, "client": client, "path": path, "args": args})
        while True:
            line = await self._line()
            if line["id"] != name:
                continue
            if "error" in line:
                raise CallRefused(line["error"], line.get("data"))
            return line.get("value")

    async def update(self) -> Update:
        """The next callback of any subscription. Raises: ViewerFailed, TimeoutError."""
        line = await self._line()
        if "error" in line:
            raise ViewerFailed(f"{line['id']}: {line['error']}")
        return Update(line["id"], int(line["ns"]) / 1e9, line.get("value"))

    async def _line(self) -> dict[str, Any]:
        stdout = self._running.stdout
        assert stdout is not None  # noqa: S101 - asked for above
        async with asyncio.timeout(ANSWER_S):
            line = await stdout.readline()
        if not line:
            raise ViewerFailed("the viewers' process has ended")
        return json.loads(line)

    def _order(self, order: Mapping[str, object]) -> None:
        stdin = self._running.stdin
        assert stdin is not None  # noqa: S101 - asked for above
        stdin.write(json.dumps(order).encode() + b"\n")

    @property
    def _running(self) -> asyncio.subprocess.Process:
        if self._process is None:
            raise RuntimeError("viewers are used outside `async with`")
        return self._process
