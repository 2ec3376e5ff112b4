"""What the scripted model was asked and when, so that a test can see the other end of the wire."""

import asyncio
from collections import deque
from dataclasses import asdict, dataclass
from typing import Any, Literal

from core.clock import Clock

KEPT = 2_000  # the oldest record goes when one more comes …
KEPT_BYTES = 64 * 1024 * 1024  # … or when the bodies of all are larger than this


Stage = Literal["started", "first_byte", "finished", "client_disconnected"]
"""What can have happened to a request; each is a time `…_at` of its record."""


@dataclass(eq=False)
class Record:
    """One request. Times are seconds of the monotonic clock, all of one server comparable."""

    number: int
    protocol: str
    path: str
    headers: dict[str, str]
    body: Any
    started_at: float
    rule: str | None = None
    status: int | None = None
    first_byte_at: float | None = None
    finished_at: float | None = None
    client_disconnected_at: float | None = None
    sent_chars: int = 0
    body_bytes: int = 0


class Journal:
    """The latest requests, oldest first; at most `KEPT`, with bodies of `KEPT_BYTES` in all."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._records: deque[Record] = deque()
        self._bytes = 0
        self._count = 0
        self._changed = asyncio.Event()

    def now(self) -> float:
        """The clock that the records use."""
        return self._clock.monotonic()

    def open(self, *, protocol: str, path: str, headers: dict[str, str]) -> Record:
        """Start the record of a request that has just arrived."""
        self._count += 1
        record = Record(self._count, protocol, path, headers, None, self.now())
        self._records.append(record)
        self._trim()
        self._tell()
        return record

    def received(self, record: Record, body: Any, size_bytes: int) -> None:
        """The body of the request has arrived."""
        record.body, record.body_bytes = body, size_bytes
        if record in self._records:
            self._bytes += size_bytes
            self._trim()

    def _trim(self) -> None:
        while len(self._records) > KEPT or (self._bytes > KEPT_BYTES and len(self._records) > 1):
            self._bytes -= self._records.popleft().body_bytes

    def note(self, record: Record, stage: Stage) -> None:
        """The stage is reached now; only the first time counts."""
        name = f"{stage}_at"
        if getattr(record, name) is None:
            setattr(record, name, self.now())
            self._tell()

    async def until(self, stage: Stage, count: int) -> None:
        """Return once `count` of the kept requests have reached the stage."""
        while sum(getattr(record, f"{stage}_at") is not None for record in self._records) < count:
            await self._changed.wait()

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def clear(self) -> None:
        """Forget all records; numbers go on."""
        self._records.clear()
        self._bytes = 0

    def as_json(self) -> list[dict[str, Any]]:
        """All records as plain values."""
        return [asdict(record) for record in self._records]
