"""Streamed text on its way to Convex: coalesced per message, one request for many messages.

The first delta of a message goes at once, later ones with the next tick. A message has one request
in flight at most, so its deltas arrive in order; text that comes meanwhile is merged and goes next.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

from core.ids import ToolCallId
from store.client import ConvexHttp
from store.errors import GenerationClosed, StoreFault, StoreUnavailable
from store.records import DeltaKind, Lease

log = logging.getLogger(__name__)

ENTRY_CHARS = 200_000  # of one delta: a document holds 1 MiB, a character is 4 bytes at most
REQUEST_ENTRIES = 50  # deltas in one mutation: others wait while it runs
CLOSED = "the store was closed before this text was saved"
FEW_CHARS = 48  # a request costs 300 bytes: fewer characters than this wait for one more tick


@dataclass(frozen=True)
class DeltaLimits:
    """Bounds of the batcher, each a setting.

    The first delta of a message goes at once, then all messages together every `interval_s` (a few
    characters alone every second time), in at most `requests` requests at a time of about
    `request_chars` each. A message holds
    `unsaved_chars` at most: beyond it `text` waits, so that the model's stream is held back.
    `deadline_s` is how long Convex may be away before a writer gives up.
    """

    interval_s: float = 0.1
    requests: int = 8
    request_chars: int = 250_000
    unsaved_chars: int = 1_000_000
    deadline_s: float = 60.0
    close_s: float = 5.0


@dataclass
class _Run:
    """Text of one part and kind that is not sent yet."""

    part: int
    kind: DeltaKind
    call_id: ToolCallId | None = None
    pieces: list[str] = field(default_factory=list[str])
    chars: int = 0


@dataclass(frozen=True)
class _Entry:
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


class DeltaWriter:
    """The streamed text of one attempt at one message; from `DeltaBatcher.open`."""

    def __init__(self, batcher: "DeltaBatcher", lease: Lease) -> None:
        self.lease = lease
        self.refused = asyncio.Event()
        """Set when Convex has refused a delta: the message is final or another attempt's."""
        self._batcher = batcher
        self._next_seq = lease.next_seq
        self._last_part = lease.last_part
        self._runs: deque[_Run] = deque()
        self._unsaved_chars = 0
        self._in_flight = False
        self._flushes = 0
        self._has_waited = False
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

    def output(self, part: int, call_id: ToolCallId, text: str) -> None:
        """Add what a tool call of turn `part` prints; it never waits and never raises.

        It is dropped where text would have to wait, and when nothing can be written any more.
        """
        if self._problem is None and self._unsaved_chars < self._batcher.limits.unsaved_chars:
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

    @property
    def has_pending(self) -> bool:
        """Something is not sent yet."""
        return bool(self._runs)

    @property
    def is_ready(self) -> bool:
        """Something is pending, and nothing in flight that it must come after."""
        return bool(self._runs) and not self._in_flight and self._problem is None

    @property
    def is_urgent(self) -> bool:
        """It is ready and does not wait for the tick: its first delta, or somebody waits for it."""
        return self.is_ready and (not self._has_sent or self._flushes > 0)

    def is_due(self) -> bool:
        """A tick has come: does it send this? A few characters wait for the next one, once."""
        chars = sum(run.chars for run in self._runs)
        self._has_waited = not self._has_waited and chars < FEW_CHARS
        return not self._has_waited

    def take(self, limit_chars: int) -> list[_Entry]:
        """Pending deltas with their numbers, one at least; `settle` must follow."""
        entries: list[_Entry] = []
        taken = 0
        while self._runs and len(entries) < REQUEST_ENTRIES:
            if entries and taken + self._runs[0].chars > limit_chars:
                break
            run = self._runs.popleft()
            taken += run.chars
            text = "".join(run.pieces)
            entries.append(
                _Entry(self, self._next_seq, run.part, run.kind, text, call_id=run.call_id)
            )
            self._next_seq += 1
        self._in_flight = self._has_sent = True
        self._has_waited = False
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
        self._changed.set()

    async def _add(self, part: int, kind: DeltaKind, text: str) -> None:
        self._check()
        for start in range(0, len(text), ENTRY_CHARS):
            await self._add_piece(part, kind, text[start : start + ENTRY_CHARS])

    async def _add_piece(self, part: int, kind: DeltaKind, piece: str) -> None:
        while self._unsaved_chars >= self._batcher.limits.unsaved_chars:
            await self._wait_for_change()
        self._put(part, kind, piece)

    def _put(
        self, part: int, kind: DeltaKind, piece: str, call_id: ToolCallId | None = None
    ) -> None:
        last = self._runs[-1] if self._runs else None
        known = None if last is None else (last.part, last.kind, last.call_id)
        if last is None or known != (part, kind, call_id) or last.chars >= ENTRY_CHARS:
            last = _Run(part, kind, call_id)
            self._runs.append(last)
        last.pieces.append(piece)
        last.chars += len(piece)
        self._unsaved_chars += len(piece)
        self._last_part = max(self._last_part, part)
        self._batcher.announce(self)

    async def _wait_for_change(self) -> None:
        self._changed.clear()
        await self._changed.wait()
        self._check()

    def _check(self) -> None:
        if self._problem is not None:
            raise self._problem


class DeltaBatcher:
    """Sends the deltas of every live message of this process; an async context manager."""

    def __init__(self, http: ConvexHttp, limits: DeltaLimits | None = None) -> None:
        self.limits = limits or DeltaLimits()
        self._http = http
        self._pending: dict[DeltaWriter, None] = {}  # in order of arrival
        self._tasks = asyncio.TaskGroup()
        self._requests: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._soon: asyncio.Handle | None = None
        self._ticked_at = float("-inf")
        self._is_closed = False

    async def __aenter__(self) -> Self:
        """Be ready to send."""
        await self._tasks.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Send what is pending, for `close_s` at most."""
        try:
            async with asyncio.timeout(self.limits.close_s):
                self._dispatch(self._pending)
                while self._requests:
                    await asyncio.wait(self._requests)
                    self._dispatch(self._pending)
        except TimeoutError:
            log.warning("deltas_not_sent", extra={"requests": len(self._requests)})
        finally:
            self._is_closed = True
            for handle in (self._timer, self._soon):
                if handle is not None:
                    handle.cancel()
            for writer in self._pending:
                writer.settle(0, StoreUnavailable(CLOSED))
            for request in self._requests:
                request.cancel()
            await self._tasks.__aexit__(None, None, None)

    def open(self, lease: Lease) -> DeltaWriter:
        """A writer for the attempt that holds `lease`."""
        return DeltaWriter(self, lease)

    def announce(self, writer: DeltaWriter) -> None:
        """Something of `writer` may be pending: it goes now if it is urgent, else with the tick."""
        if not writer.has_pending:
            return
        if self._is_closed:
            writer.settle(0, StoreUnavailable(CLOSED))
            return
        self._pending[writer] = None
        if self._soon is None and writer.is_urgent:  # with all that become urgent in this turn
            self._soon = asyncio.get_running_loop().call_soon(self._rush)
        self._arm()

    def _arm(self) -> None:
        if self._timer is None:
            loop = asyncio.get_running_loop()
            wait_s = max(0.0, self._ticked_at + self.limits.interval_s - loop.time())
            self._timer = loop.call_later(wait_s, self._tick)

    def _rush(self) -> None:
        self._soon = None
        self._dispatch(writer for writer in self._pending if writer.is_urgent)

    def _tick(self) -> None:
        self._timer = None
        self._ticked_at = asyncio.get_running_loop().time()
        ready = [writer for writer in self._pending if writer.is_ready]
        self._dispatch(writer for writer in ready if writer.is_due())
        if any(writer.is_ready for writer in ready):
            self._arm()

    def _dispatch(self, writers: Iterable[DeltaWriter]) -> None:
        """Send what is ready of `writers`; what finds no free request stays pending."""
        batch: list[_Entry] = []
        room = self.limits.request_chars
        for writer in [writer for writer in writers if writer.is_ready]:
            if len(self._requests) >= self.limits.requests:
                return
            entries = writer.take(room)
            self._pending.pop(writer, None)
            batch.extend(entries)
            room -= sum(len(entry.text) for entry in entries)
            if room <= 0 or len(batch) >= REQUEST_ENTRIES:
                self._start(batch)
                batch, room = [], self.limits.request_chars
        if batch:
            self._start(batch)

    def _start(self, batch: list[_Entry]) -> None:
        task = self._tasks.create_task(self._send(batch))
        self._requests.add(task)
        task.add_done_callback(self._requests.discard)

    async def _send(self, batch: list[_Entry]) -> None:
        problems: dict[DeltaWriter, Exception] = {}
        try:
            problems = await self._post_or_part(batch)
        except asyncio.CancelledError:
            problems = {entry.writer: StoreUnavailable(CLOSED) for entry in batch}
            raise
        except Exception as problem:  # noqa: BLE001 - whatever it is, the writers raise it
            problems = {entry.writer: problem for entry in batch}
        finally:
            self._settle(batch, problems)

    async def _post_or_part(self, batch: list[_Entry]) -> dict[DeltaWriter, Exception]:
        """As `_post`; a request that fails as a whole is made again for each message alone.

        So text that cannot be saved ends its own message and none that happens to travel with it.
        """
        writers = dict.fromkeys(entry.writer for entry in batch)
        try:
            return await self._post(batch)
        except StoreUnavailable:
            raise
        except Exception as problem:
            if len(writers) == 1:
                raise
            reason = {"messages": len(writers), "error": type(problem).__name__}
            log.warning("deltas_sent_apart", extra=reason)
        problems: dict[DeltaWriter, Exception] = {}
        for writer in writers:
            try:
                problems |= await self._post([e for e in batch if e.writer is writer])
            except Exception as problem:  # noqa: BLE001 - whatever it is, the writer raises it
                problems[writer] = problem
        return problems

    async def _post(self, batch: list[_Entry]) -> dict[DeltaWriter, Exception]:
        answers = await self._http.mutation(
            "system/streaming:append",
            {"batch": [entry.row() for entry in batch]},
            deadline_s=self.limits.deadline_s,
        )
        problems: dict[DeltaWriter, Exception] = {}
        for entry, answer in zip(batch, answers, strict=True):
            message_id = entry.writer.lease.message_id
            if answer == "closed":
                text = f"message {message_id!r} is final or held by a later attempt"
                problems[entry.writer] = GenerationClosed(text)
            elif answer != "ok":
                text = f"delta {entry.seq} of message {message_id!r} was answered {answer!r}"
                problems.setdefault(entry.writer, StoreFault(text))
        return problems

    def _settle(self, batch: list[_Entry], problems: dict[DeltaWriter, Exception]) -> None:
        if (request := asyncio.current_task()) is not None:
            self._requests.discard(request)  # its place is free for what `announce` sends
        sent_chars: dict[DeltaWriter, int] = {}
        for entry in batch:
            sent_chars[entry.writer] = sent_chars.get(entry.writer, 0) + len(entry.text)
        for writer, chars in sent_chars.items():
            writer.settle(chars, problems.get(writer))
            if not writer.has_pending:
                self._pending.pop(writer, None)
        for writer in [*sent_chars, *self._pending]:
            if writer.is_ready:
                self.announce(writer)
