"""An answer followed for a page: events and records become Server-Sent Events of the AI SDK."""

import asyncio
import json
import logging
import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace

from app.http.chat.chunks import Chunk
from app.http.chat.writer import RUNNING, ChunkWriter, Known, Records, StepWritten
from app.http.context import Services
from app.services.following import (
    Cleared,
    Cursor,
    Ended,
    Event,
    InvalidCursor,
    Said,
    Shown,
    Still,
    TakenBack,
    Text,
    Told,
)
from core.errors import NotFound, Transient
from core.ids import OwnerId
from store.records import Message, ShownPart

log = logging.getLogger(__name__)

HEADERS = {
    "Cache-Control": "no-cache",
    "x-vercel-ai-ui-message-stream": "v1",
}
TICK_S = 0.25  # results and questions are looked for this often: half of what a person notices
CALM_S = 2.0  # while no call runs, only a budget or a sub-agent can ask
SETTLE_S = 0.75  # calls that do not wait for the person have begun by then
KEEP_ALIVE_S = 15.0  # proxies close what is silent for 30 to 60 s
MOST_ASKS = 100
DONE = "data: [DONE]\n\n"
GONE = "The conversation was deleted."
BROKEN = "The stream broke off and the answer goes on: resume it."

_STATES = {
    "0": StepWritten(),
    "-": StepWritten(has_any=True),
    "+": StepWritten(has_any=True, has_text=True),
    "t": StepWritten("text", has_any=True, has_text=True),
    "r": StepWritten("reasoning", has_any=True),
    "R": StepWritten("reasoning", has_any=True, has_text=True),
}
_LETTERS = {written: letter for letter, written in _STATES.items()}
_PLACE = re.compile(r"(?P<cursor>[0-9.]{1,60})~(?P<step>-1|\d{1,5})(?P<state>[0trR+-])")


@dataclass(frozen=True)
class Place:
    """Where a reader was: in the conversation, and in the steps of the answer."""

    cursor: Cursor
    known: Known

    @classmethod
    def read(cls, text: str) -> "Place":
        """An event's id. Raises: InvalidCursor."""
        found = _PLACE.fullmatch(text)
        if found is None:
            raise InvalidCursor
        known = Known(step=int(found["step"]), written=_STATES[found["state"]])
        return cls(Cursor.read(found["cursor"]), known)


def _place(cursor: Cursor, writer: ChunkWriter) -> str:
    step, written = writer.place
    return f"{cursor}~{step}{_LETTERS[replace(written, is_whole=False)]}"


class AnswerStream:
    """One answer for one page, from its beginning or from where the page was."""

    def __init__(
        self,
        services: Services,
        owner: OwnerId,
        message: Message,
        *,
        begin: Cursor | None = None,
        known: Known | None = None,
    ) -> None:
        self._services = services
        self._owner = owner
        self._message = message
        self._begin = begin or Cursor(message.order)
        self._writer = ChunkWriter(message, known)
        self._records = Records()
        self._read_at = float("-inf")
        self._changed_at = services.clock.monotonic()
        self._sent_at = services.clock.monotonic()

    async def events(self) -> AsyncGenerator[str]:
        """The whole stream; who leaves changes nothing."""
        try:
            async with aclosing(self._told()) as stream:
                async for chunks, cursor in stream:
                    place = None if cursor is None else _place(cursor, self._writer)
                    for index, chunk in enumerate(chunks):
                        yield _event(chunk, place if index == len(chunks) - 1 else None)
                    if not chunks:
                        yield ": still\n\n"
        except (Transient, NotFound) as fault:
            is_gone = isinstance(fault, NotFound)
            log.warning("chat_broke_off", exc_info=not is_gone)
            yield _event({"type": "error", "errorText": GONE if is_gone else BROKEN}, None)
        yield DONE

    async def _told(self) -> AsyncGenerator[tuple[list[Chunk], Cursor | None]]:
        begin = list(self._writer.begin())
        if self._writer.place[1].is_whole:  # else a call would come before the rest of its text
            begin += await self._recorded()
        yield begin, self._begin
        following = self._services.following.follow(
            self._message.conversation_id, owner=self._owner, after=self._begin, still_s=TICK_S
        )
        async with aclosing(following) as stream:
            async for told in stream:
                chunks = await self._chunks(told)
                if chunks or self._is_silent:
                    self._sent_at = self._services.clock.monotonic()
                    yield chunks, told.cursor if chunks else None
                if self._is_last(told.event):
                    return
                if self._waits():
                    yield list(self._writer.waits(self._records, await self._parts())), None
                    return
        yield [{"type": "error", "errorText": BROKEN}], None  # the server stops

    async def _chunks(self, told: Told) -> list[Chunk]:
        event, writer = told.event, self._writer
        chunks: list[Chunk] = []
        match event:
            case Text(text=text, part=int(part)):
                chunks = [*await self._before(part), *writer.text(part, text)]
            case Text():
                writer.rewritten()
            case Shown(run=run):
                chunks = [*await self._before(run.part), *writer.shown(run)]
                is_running = run.kind in RUNNING  # before, a call would come before its text
                chunks += await self._recorded() if is_running and self._is_time(TICK_S) else []
            case TakenBack(part=part):
                chunks = list(writer.taken_back(part))
            case Still() if self._is_time(TICK_S if writer.is_unsettled else CALM_S):
                chunks = await self._recorded()
            case Said(message=message) | Ended(message=message) if self._is_mine(message):
                await self._read()
                chunks = list(writer.ended(message, self._records, await self._parts()))
            case Cleared():
                chunks = [{"type": "error", "errorText": GONE}]
            case _:
                pass
        return chunks

    async def _before(self, part: int) -> list[Chunk]:
        """What is on record of the step before, where a part begins another one.

        Also where no call of it is known: who comes back may have seen some begin.
        """
        if not self._writer.is_next(part) or self._writer.place[0] < 0:
            return []
        await self._read()
        return list(self._writer.end_of_step(self._records))

    async def _recorded(self) -> list[Chunk]:
        await self._read()
        return list(self._writer.recorded(self._records))

    async def _read(self) -> None:
        store, mine = self._services.store, self._message
        calls, asks = await asyncio.gather(
            store.messages.tool_calls(mine.message_id, owner=self._owner),
            store.asks.list(mine.conversation_id, owner=self._owner, limit=MOST_ASKS),
        )
        now = self._services.clock.monotonic()
        read = Records(calls, asks[::-1])
        if read != self._records:
            self._changed_at = now
        self._records, self._read_at = read, now

    async def _parts(self) -> tuple[ShownPart, ...]:
        message_id = self._message.message_id
        return await self._services.store.messages.parts(message_id, owner=self._owner)

    def _waits(self) -> bool:
        """Whether the page's next request is what goes on."""
        is_calm = self._services.clock.monotonic() - self._changed_at >= SETTLE_S
        return is_calm and self._writer.waiting_for_person(self._records)

    def _is_time(self, every_s: float) -> bool:
        return self._services.clock.monotonic() - self._read_at >= every_s

    @property
    def _is_silent(self) -> bool:
        return self._services.clock.monotonic() - self._sent_at >= KEEP_ALIVE_S

    def _is_mine(self, message: Message) -> bool:
        return message.message_id == self._message.message_id

    def _is_last(self, event: Event) -> bool:
        match event:
            case Cleared():
                return True
            case Said(message=message) | Ended(message=message):
                return self._is_mine(message)
            case _:
                return False


def _event(chunk: Chunk, place: str | None) -> str:
    data = json.dumps(chunk, ensure_ascii=False, separators=(",", ":"), default=str)
    return f"data:{data}\n\n" if place is None else f"id:{place}\ndata:{data}\n\n"
