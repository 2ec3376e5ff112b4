"""Streamed text on its way to Convex.

Coalesced per message, one request for all messages per tick.
"""

import asyncio
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from store.client import ConvexHttp
from store.records import DeltaKind, Lease


@dataclass(frozen=True)
class DeltaLimits:
    """Bounds of the batcher, each a setting.

    The first delta of a message goes at once, then all messages together every `interval_s`. A
    message holds `pending_chars` at most: beyond it `text` waits, so that the model's stream is
    held back. `deadline_s` is how long Convex may be away before a writer gives up.
    """

    interval_s: float = 0.1
    requests: int = 8
    request_chars: int = 1_000_000
    pending_chars: int = 1_000_000
    deadline_s: float = 60.0
    close_s: float = 5.0


class DeltaWriter:
    """The streamed text of one attempt at one message; from `DeltaBatcher.open`."""

    def __init__(self, batcher: "DeltaBatcher", lease: Lease) -> None:
        self._batcher = batcher
        self._lease = lease
        self.refused = asyncio.Event()
        """Set when Convex has refused a delta: the message is final or another attempt's."""

    async def text(self, part: int, text: str) -> None:
        """Add prose of turn `part`. Returns at once, unless the bound of pending text is reached.

        Raises:
            GenerationClosed: see `refused`.
            StoreUnavailable: Convex was away for longer than the deadline.
        """
        await self._add(part, "text", text)

    async def thinking(self, part: int, text: str) -> None:
        """Add reasoning of turn `part`. Raises: as `text`."""
        await self._add(part, "thinking", text)

    async def reset(self, part: int) -> None:
        """Tell readers to forget the text of all parts >= `part`, if any was ever written.

        Raises: as `text`.
        """
        await self._add(part, "reset", "")

    async def flush(self) -> None:
        """Return when Convex has everything that was added before. Raises: as `text`."""
        raise NotImplementedError

    async def _add(self, part: int, kind: DeltaKind, text: str) -> None:
        raise NotImplementedError


class DeltaBatcher:
    """Sends the deltas of every live message of this process; an async context manager."""

    def __init__(self, http: ConvexHttp, limits: DeltaLimits | None = None) -> None:
        self._http = http
        self._limits = limits or DeltaLimits()

    async def __aenter__(self) -> Self:
        """Start sending."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Send what is pending, for `close_s` at most."""

    def open(self, lease: Lease) -> DeltaWriter:
        """A writer for the attempt that holds `lease`."""
        return DeltaWriter(self, lease)
