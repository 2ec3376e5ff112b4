"""Convex's HTTP API from asyncio: pooled, retried within a deadline, errors as classes.

The PyPI client is not used for this: it holds the GIL during a call and may run a mutation twice.
"""

import asyncio
import io
import json
import random
from collections.abc import Awaitable, Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any, Self, TypeVar, cast

import aiohttp
from yarl import URL

from core.backoff import Backoff
from core.text import without_surrogates
from store.errors import BadCursor, StoreDenied, StoreFault, StoreUnavailable, refusal

T = TypeVar("T")
Json = Mapping[str, object]

LARGE_BYTES = 1 << 20  # aiohttp warns from here on
_LONG = aiohttp.ClientTimeout(total=600, sock_read=60)
_TRY_AGAIN = frozenset({408, 429, 500, 502, 503, 504})
_DENIED = frozenset({401, 403})


@dataclass(frozen=True)
class StoreLimits:
    """Bounds of the client, each a setting.

    A call is tried again until `deadline_s` has passed since its beginning. `connections` bounds
    the pool: a call beyond it waits for its turn, within its own deadline.
    """

    deadline_s: float = 30.0
    attempt_s: float = 15.0
    connect_s: float = 3.0
    connections: int = 64
    first_pause_s: float = 0.05
    longest_pause_s: float = 2.0


STORAGE = "/api/storage/"


class ConvexHttp:
    """Calls functions of one deployment; system functions get the internal key."""

    def __init__(self, url: str, *, internal_key: str, limits: StoreLimits | None = None) -> None:
        self._base = URL(url)
        self._key = internal_key
        self._limits = limits or StoreLimits()
        self._backoff = Backoff(
            first_s=self._limits.first_pause_s,
            longest_s=self._limits.longest_pause_s,
            spread=(0.5, 1.5),
        )
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Open the pool."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._limits.connections, keepalive_timeout=30),
            timeout=aiohttp.ClientTimeout(
                total=self._limits.attempt_s, sock_connect=self._limits.connect_s
            ),
            # Of no use to Convex, and with short deltas a third of the bytes sent.
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding"),
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the pool."""
        if self._session:
            await self._session.close()

    async def query(self, path: str, args: Json) -> Any:
        """Run a query; `args` whose value is None are left out."""
        return await self._call("query", path, args, self._limits.deadline_s)

    async def mutation(self, path: str, args: Json, *, deadline_s: float | None = None) -> Any:
        """Run a mutation, which must be safe to make twice.

        Raises:
            Refused: our function refused it (NotFound, Conflict, …).
            StoreUnavailable: no answer within the deadline; it may have been committed.
            StoreFault: anything else that a function threw.
        """
        return await self._call("mutation", path, args, deadline_s or self._limits.deadline_s)

    async def upload(self, url: str, data: bytes) -> str:
        """Store a blob at an upload URL; the storage id.

        A second try leaves an unused blob behind.
        """

        async def attempt() -> str:
            with self._unavailable():
                async with self._open().post(self._here(url), data=_payload(data)) as response:
                    _check_status(response.status, "" if response.ok else await _reason(response))
                    return str((await response.json())["storageId"])

        return await self._retried(attempt, self._limits.deadline_s)

    async def download(self, url: str) -> bytes:
        """A stored blob."""

        async def attempt() -> bytes:
            with self._unavailable():
                async with self._open().get(self._here(url)) as response:
                    _check_status(response.status, "" if response.ok else await _reason(response))
                    return await response.read()

        return await self._retried(attempt, self._limits.deadline_s)

    async def upload_file(self, url: str, file: IO[bytes]) -> str:
        """Store what a file holds, however much, at an upload URL; the storage id. Tried once."""
        with self._unavailable():
            async with self._open().post(self._here(url), data=file, timeout=_LONG) as response:
                _check_status(response.status, "" if response.ok else await _reason(response))
                return str((await response.json())["storageId"])

    async def download_to(self, url: str, file: IO[bytes]) -> None:
        """Copy a stored blob, however large, into a file. Tried once."""
        with self._unavailable():
            async with self._open().get(self._here(url), timeout=_LONG) as response:
                _check_status(response.status, "" if response.ok else await _reason(response))
                async for chunk in response.content.iter_chunked(LARGE_BYTES):
                    await asyncio.to_thread(file.write, chunk)

    def _here(self, url: str) -> URL:
        """A URL of storage as this process reaches it: Convex names the address for browsers."""
        _, is_storage, rest = url.partition(STORAGE)
        own = str(self._base).rstrip("/")
        return URL(f"{own}{STORAGE}{rest}" if is_storage else url, encoded=True)

    async def ping(self) -> None:
        """One query with our key, tried once. Raises: StoreUnavailable, StoreDenied."""
        await self._post("query", "system/health:ping", {})

    async def _call(self, kind: str, path: str, args: Json, deadline_s: float) -> Any:
        return await self._retried(lambda: self._post(kind, path, args), deadline_s)

    async def _post(self, kind: str, path: str, args: Json) -> Any:
        given = {name: value for name, value in args.items() if value is not None}
        call = {"path": path, "args": {"internalKey": self._key, **given}, "format": "json"}
        # UTF-8 is shorter than escapes, and small bodies are what streaming lives on.
        body = without_surrogates(
            json.dumps(call, ensure_ascii=False, separators=(",", ":"))
        ).encode()
        request = self._open().post(
            self._base / "api" / kind,
            data=_payload(body),
            headers={"Content-Type": "application/json"},
        )
        with self._unavailable():
            async with request as response:
                _check_status(response.status, "" if response.ok else await _reason(response))
                answer = json.loads(await response.read())
        return _value_of(path, answer)

    @contextmanager
    def _unavailable(self) -> Generator[None]:
        try:
            yield
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as problem:
            raise StoreUnavailable(
                f"Convex at {self._base} does not answer: {problem!r}"
            ) from problem

    async def _retried(self, attempt: Callable[[], Awaitable[T]], deadline_s: float) -> T:
        """Repeat what is transient, with growing pauses and jitter, until the deadline."""
        failures = 0
        try:
            async with asyncio.timeout(deadline_s) as limit:
                while True:
                    try:
                        return await attempt()
                    except StoreUnavailable as problem:
                        failures += 1
                        pause_s = self._backoff.wait_s(failures, random.random)
                        wait_s = problem.retry_after_s or pause_s
                        ends_at = limit.when()
                        now = asyncio.get_running_loop().time()
                        if ends_at is not None and now + wait_s >= ends_at:
                            raise
                        await asyncio.sleep(wait_s)
        except TimeoutError as late:
            raise StoreUnavailable(
                f"Convex at {self._base} did not answer within {deadline_s:g} s"
            ) from late

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise RuntimeError("the store is used outside `async with`")
        return self._session


def _payload(data: bytes) -> bytes | io.BytesIO:
    """What aiohttp sends in one piece, or, when that would hold the loop up, in several."""
    return data if len(data) < LARGE_BYTES else io.BytesIO(data)


def _check_status(status: int, reason: str) -> None:
    if status in _DENIED:
        raise StoreDenied(f"Convex refuses the request ({status}): {reason}")
    if status in _TRY_AGAIN or status > 504:  # noqa: PLR2004 - all that a proxy may add
        raise StoreUnavailable(f"Convex answers {status}: {reason}")
    if status >= 400:  # noqa: PLR2004
        raise StoreFault(f"Convex answers {status}: {reason}")


async def _reason(response: aiohttp.ClientResponse) -> str:
    return (await response.text(errors="replace"))[:500]


_BAD_CURSOR = ("InvalidCursor", "Failed to parse cursor")  # how Convex says: of another list; none


def _value_of(path: str, answer: dict[str, Any]) -> Any:
    if answer.get("status") == "success":
        return answer.get("value")
    data = answer.get("errorData")
    if isinstance(data, dict) and "code" in data:
        fields = cast("dict[str, object]", data)
        raise refusal(str(fields["code"]), str(fields.get("message", "")), fields)
    reason = str(answer.get("errorMessage", "no reason"))
    if any(words in reason for words in _BAD_CURSOR):
        raise BadCursor
    raise StoreFault(f"{path}: {reason[:2000]}")
