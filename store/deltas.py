"""Streamed text on its way to Convex: coalesced per message, one request for many messages.

The first delta of a message goes at once, later ones with the next tick.
"""

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from store.client import ConvexHttp
from store.delta_writer import REQUEST_ENTRIES, DeltaWriter, Entry
from store.errors import GenerationClosed, StoreFault, StoreUnavailable
from store.live_text import LiveTexts
from store.records import Lease

log = logging.getLogger(__name__)

CLOSED = "the store was closed before this text was saved"
QUICK_DELTAS = 4_000  # of an answer: two minutes and more; later ones come every `interval_s`
TIMER_S = 0.002  # a tick may be early by so much
LIVE_S = 1.0  # an answer that has sent nothing for so long is not streaming


@dataclass(frozen=True)
class DeltaLimits:
    """Bounds of the batcher.

    The first delta of a message goes at once, then all messages together: every `shortest_s` while
    few answers stream, `answer_s` less often for each answer that does, `interval_s` at the
    longest. One that says more than `quick_chars` meanwhile is shown in larger pieces, at most
    every `quick_s`: each of them costs its readers as much as 400 characters. They go in at most
    `requests` requests at a time of about `request_chars` each. A message holds `unsaved_chars` at
    most: beyond it `text` waits, so that the model's stream is held back. `deadline_s` is how long
    Convex may be away before a writer gives up.
    """

    interval_s: float = 0.1
    shortest_s: float = 0.03
    answer_s: float = 0.001
    quick_s: float = 0.06
    quick_chars: int = 20
    requests: int = 8
    request_chars: int = 250_000
    unsaved_chars: int = 1_000_000
    deadline_s: float = 60.0
    close_s: float = 5.0

    def period_s(self, streaming: int) -> float:
        """Seconds between two requests for the same answer while so many stream."""
        return min(self.interval_s, max(self.shortest_s, self.answer_s * streaming))


class _Streaming:
    """Who has sent something lately."""

    def __init__(self) -> None:
        self._sent_at: dict[DeltaWriter, float] = {}  # the longest ago first

    def sent(self, writer: DeltaWriter, now: float) -> None:
        self._sent_at.pop(writer, None)
        self._sent_at[writer] = now

    def silent_s(self, writer: DeltaWriter, now: float) -> float:
        """Seconds since it has sent something."""
        return now - self._sent_at.get(writer, float("-inf"))

    def count(self, now: float) -> int:
        while self._sent_at:
            writer, sent_at = next(iter(self._sent_at.items()))
            if now - sent_at < LIVE_S:
                break
            del self._sent_at[writer]
        return len(self._sent_at)


class DeltaBatcher:
    """Sends the deltas of every live message of this process; an async context manager."""

    def __init__(self, http: ConvexHttp, limits: DeltaLimits | None = None) -> None:
        self.limits = limits or DeltaLimits()
        self._http = http
        self._pending: dict[DeltaWriter, None] = {}  # in order of arrival
        self.live = LiveTexts()
        self._streaming = _Streaming()
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
        live = self.live.open(lease)
        return DeltaWriter(self, lease, live, unsaved_chars=self.limits.unsaved_chars)

    def announce(self, writer: DeltaWriter) -> None:
        """Something of `writer` may be pending: it goes now if it is urgent, else with the tick."""
        if not writer.has_pending:
            self._pending.pop(writer, None)
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
            now = loop.time()
            period_s = self.limits.period_s(self._streaming.count(now))
            self._timer = loop.call_later(max(0.0, self._ticked_at + period_s - now), self._tick)

    def _rush(self) -> None:
        self._soon = None
        self._dispatch(writer for writer in self._pending if writer.is_urgent)

    def _tick(self) -> None:
        self._timer = None
        self._ticked_at = asyncio.get_running_loop().time()
        now = self._ticked_at
        self._dispatch([writer for writer in self._pending if self._is_due(writer, now)])
        if any(writer.is_ready for writer in self._pending):
            self._arm()

    def _is_due(self, writer: DeltaWriter, now: float) -> bool:
        """Whether it goes now; an answer has a bound of deltas, and gets them rarely near it."""
        if writer.next_seq >= QUICK_DELTAS:
            least_s = self.limits.interval_s
        elif writer.pending_chars > self.limits.quick_chars:
            least_s = min(self.limits.quick_s, self.limits.interval_s)
        else:
            return True
        return self._streaming.silent_s(writer, now) >= least_s - TIMER_S

    def _dispatch(self, writers: Iterable[DeltaWriter]) -> None:
        """Send what is ready of `writers`; what finds no free request stays pending."""
        batch: list[Entry] = []
        room = self.limits.request_chars
        now = asyncio.get_running_loop().time()
        for writer in [writer for writer in writers if writer.is_ready]:
            if len(self._requests) >= self.limits.requests:
                return
            entries = writer.take(room)
            self._streaming.sent(writer, now)
            self._pending.pop(writer, None)
            batch.extend(entries)
            room -= sum(len(entry.text) for entry in entries)
            if room <= 0 or len(batch) >= REQUEST_ENTRIES:
                self._start(batch)
                batch, room = [], self.limits.request_chars
        if batch:
            self._start(batch)

    def _start(self, batch: list[Entry]) -> None:
        task = self._tasks.create_task(self._send(batch))
        self._requests.add(task)
        task.add_done_callback(self._requests.discard)

    async def _send(self, batch: list[Entry]) -> None:
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

    async def _post_or_part(self, batch: list[Entry]) -> dict[DeltaWriter, Exception]:
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

    async def _post(self, batch: list[Entry]) -> dict[DeltaWriter, Exception]:
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

    def _settle(self, batch: list[Entry], problems: dict[DeltaWriter, Exception]) -> None:
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
