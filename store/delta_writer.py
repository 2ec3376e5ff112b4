"""The streamed text of one answer, in pieces that are not in Convex yet.

A message has one request in flight at most, so its deltas arrive in order; text that comes
meanwhile is merged and goes next.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol

from core.ids import ToolCallId
from store.errors import GenerationClosed
from store.live_text import LiveText, Place
from store.records import DeltaKind, DeltaRun, Lease

ENTRY_CHARS = 200_000  # of one delta: a document holds 1 MiB, a character is 4 bytes at most
REQUEST_ENTRIES = 50  # deltas in one mutation: others wait while it runs
HANDED_CHARS = 250_000  # that go along with another write


@dataclass
class _Run:
    """Text of one part and kind that is not sent yet."""

    part: int
    kind: DeltaKind
    call_id: ToolCallId | None = None
    pieces: list[str] = field(default_factory=list[str])
    chars: int = 0


@dataclass(frozen=True)
class Entry:
    """A delta in a request, and whose it is."""

    writer: "DeltaWriter"
    seq: int
    part: int
    kind: DeltaKind
    text: str
    call_id: ToolCallId | None = None

    def row(self) -> dict[str, object]:
        """The short names of `deltaEntry` in convex/model/deltas.ts."""
        lease = self.writer.lease
        row: dict[str, object] = {"m": lease.message_id, "e": lease.epoch, "s": self.seq}
        row |= {"p": self.part, "t": self.text}
        if self.call_id is not None:
            row["c"] = self.call_id
        return row if self.kind == "text" else row | {"k": self.kind}


class Sending(Protocol):
    """Who sends what writers hold."""

    def announce(self, writer: "DeltaWriter", /) -> None:
        """Something of `writer` may be pending."""
        ...


class DeltaWriter:
    """The streamed text of one attempt at one message; from `DeltaBatcher.open`.

    It holds about `unsaved_chars` at most.
    """

    def __init__(
        self, batcher: Sending, lease: Lease, live: LiveText, *, unsaved_chars: int
    ) -> None:
        self.lease = lease
        self.refused = asyncio.Event()
        """Set when Convex has refused a delta: the message is final or another attempt's."""
        self._batcher = batcher
        self._live = live
        self._most_unsaved_chars = unsaved_chars
        self._next_seq = lease.next_seq
        self._last_part = lease.last_part
        self._runs: deque[_Run] = deque()
        self._unsaved_chars = 0
        self._in_flight = False
        self._flushes = 0
        self._has_sent = False
        self._problem: Exception | None = None
        self._changed = asyncio.Event()

    async def text(self, part: int, text: str) -> None:
        """Add prose of turn `part`. Returns at once, unless the bound of unsaved text is reached.

        Raises:
            GenerationClosed: see `refused`.
            StoreUnavailable: Convex was away for longer than the deadline.
        """
        await self._add(part, "text", text)

    async def thinking(self, part: int, text: str) -> None:
        """Add reasoning of turn `part`. Raises: as `text`."""
        await self._add(part, "thinking", text)

    async def condensing(self, part: int) -> None:
        """Add that the model summarises the conversation before turn `part`. Raises: as `text`."""
        await self._add(part, "condensing", " ")

    async def tool_call(self, part: int, call_id: ToolCallId, name: str) -> None:
        """Add that a call of this tool is being written. Raises: as `text`."""
        await self._add(part, "toolCall", name, call_id)

    async def tool_input(self, part: int, call_id: ToolCallId, text: str) -> None:
        """Add to the arguments of a call that is being written. Raises: as `text`."""
        await self._add(part, "toolInput", text, call_id)

    def output(self, part: int, call_id: ToolCallId, text: str) -> None:
        """Add what a tool call of turn `part` prints; it never waits and never raises.

        It is dropped where text would have to wait, and when nothing can be written any more.
        """
        if self._problem is None and self._unsaved_chars < self._most_unsaved_chars:
            self._put(part, "output", text, call_id)

    def reset_output(self, part: int, call_id: ToolCallId) -> None:
        """Tell readers to forget what the call has printed: it runs anew."""
        if self._problem is None:
            self._put(part, "outputReset", "", call_id)

    async def reset(self, part: int) -> None:
        """Tell readers to forget all parts >= `part`, if any was written, also by a dead attempt.

        Raises: as `text`.
        """
        self._check()
        if part > self._last_part:
            return
        self._last_part = part - 1
        self._runs.append(_Run(part, "reset"))
        self._show(DeltaRun(part, "reset", ""))
        self._batcher.announce(self)

    async def flush(self) -> None:
        """Return when Convex has everything that was added before. Raises: as `text`."""
        self._check()
        self._flushes += 1
        try:
            self._batcher.announce(self)
            while self._runs or self._in_flight:
                await self._wait_for_change()
        finally:
            self._flushes -= 1

    @asynccontextmanager
    async def handing_on(self) -> AsyncGenerator[list[Entry]]:
        """What is not in Convex yet, for the block to send with another write of the same answer.

        It may be nothing. With an error of the block it counts as not written: see `refused`.

        Raises: as `text`.
        """
        self._check()
        while self._in_flight or not self._fits(HANDED_CHARS):
            await self._wait_for_change()
        entries = self.take(HANDED_CHARS) if self._runs else []
        problem: Exception | None = None
        try:
            yield entries
        except Exception as error:
            problem = error
            raise
        finally:
            self.settle(sum(len(entry.text) for entry in entries), problem)
            self._batcher.announce(self)

    def _fits(self, chars: int) -> bool:
        """Whether one write takes all that is pending."""
        return len(self._runs) <= REQUEST_ENTRIES and self._unsaved_chars <= chars

    @property
    def next_seq(self) -> int:
        """How many deltas the message has, of all attempts."""
        return self._next_seq

    @property
    def has_pending(self) -> bool:
        """Something is not sent yet."""
        return bool(self._runs)

    @property
    def pending_chars(self) -> int:
        """Characters that are not sent yet."""
        return sum(run.chars for run in self._runs)

    @property
    def is_ready(self) -> bool:
        """Something is pending, and nothing in flight that it must come after."""
        return bool(self._runs) and not self._in_flight and self._problem is None

    @property
    def is_urgent(self) -> bool:
        """It is ready and does not wait for the tick: its first delta, or somebody waits for it."""
        return self.is_ready and (not self._has_sent or self._flushes > 0)

    def take(self, limit_chars: int) -> list[Entry]:
        """Pending deltas with their numbers, one at least; `settle` must follow."""
        entries: list[Entry] = []
        taken = 0
        while self._runs and len(entries) < REQUEST_ENTRIES:
            if entries and taken + self._runs[0].chars > limit_chars:
                break
            run = self._runs.popleft()
            taken += run.chars
            text = "".join(run.pieces)
            entries.append(
                Entry(self, self._next_seq, run.part, run.kind, text, call_id=run.call_id)
            )
            self._next_seq += 1
        self._in_flight = self._has_sent = True
        return entries

    def settle(self, sent_chars: int, problem: Exception | None) -> None:
        """The request with what was taken is over; a problem ends the writer."""
        self._in_flight = False
        self._unsaved_chars -= sent_chars
        if problem is not None and self._problem is None:
            self._problem = problem
            self._runs.clear()
            if isinstance(problem, GenerationClosed):
                self.refused.set()
        else:
            self._live.saved(self._next_seq)
        self._changed.set()

    async def _add(
        self, part: int, kind: DeltaKind, text: str, call_id: ToolCallId | None = None
    ) -> None:
        self._check()
        for start in range(0, len(text), ENTRY_CHARS):
            while self._unsaved_chars >= self._most_unsaved_chars:
                await self._wait_for_change()
            self._put(part, kind, text[start : start + ENTRY_CHARS], call_id)

    def _put(
        self, part: int, kind: DeltaKind, piece: str, call_id: ToolCallId | None = None
    ) -> None:
        last = self._runs[-1] if self._runs else None
        known = None if last is None else (last.part, last.kind, last.call_id)
        if last is None or known != (part, kind, call_id) or last.chars >= ENTRY_CHARS:
            last = _Run(part, kind, call_id)
            self._runs.append(last)
        self._show(DeltaRun(part, kind, piece, call_id), offset=last.chars)
        last.pieces.append(piece)
        last.chars += len(piece)
        self._unsaved_chars += len(piece)
        self._last_part = max(self._last_part, part)
        self._batcher.announce(self)

    def _show(self, run: DeltaRun, *, offset: int = 0) -> None:
        """Show it in this process: it belongs to the delta that the last run becomes."""
        self._live.add(Place(self._next_seq + len(self._runs) - 1, offset), run)

    async def _wait_for_change(self) -> None:
        self._changed.clear()
        await self._changed.wait()
        self._check()

    def _check(self) -> None:
        if self._problem is not None:
            raise self._problem
