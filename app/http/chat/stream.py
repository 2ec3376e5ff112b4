"""An answer followed for a page: events and records become Server-Sent Events of the AI SDK."""

import asyncio
import json
import logging
import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from app.http.chat.telling import Chunk, Known, Records, Telling
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
    "X-Accel-Buffering": "no",  # nginx would collect them
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

_PLACE = re.compile(r"(?P<cursor>[0-9.]{1,60})~(?P<step>-1|\d{1,5})(?P<open>[tr-])")
_LETTERS = {"": "-", "text": "t", "reasoning": "r"}
_KINDS = {letter: kind for kind, letter in _LETTERS.items()}


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
        known = Known(step=int(found["step"]), open_kind=_KINDS[found["open"]])
        return cls(Cursor.read(found["cursor"]), known)


def _place(cursor: Cursor, telling: Telling) -> str:
    step, open_kind = telling.place
    return f"{cursor}~{step}{_LETTERS[open_kind]}"


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
        self._telling = Telling(message, known)
        self._is_known = known is not None
        self._records = Records()
        self._read_at = float("-inf")
        self._changed_at = services.clock.monotonic()
        self._sent_at = services.clock.monotonic()

    async def events(self) -> AsyncGenerator[str]:
        """The whole stream; who leaves changes nothing."""
        try:
            async with aclosing(self._told()) as stream:
                async for chunks, cursor in stream:
                    place = None if cursor is None else _place(cursor, self._telling)
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
        begin = list(self._telling.begin())
        if self._is_known:  # what has happened meanwhile
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
                    yield list(self._telling.waits(self._records)), None
                    return
        yield [{"type": "error", "errorText": BROKEN}], None  # the server stops

    async def _chunks(self, told: Told) -> list[Chunk]:
        event, telling = told.event, self._telling
        chunks: list[Chunk] = []
        match event:
            case Text(text=text, part=int(part)):
                chunks = [*await self._before(part), *telling.text(part, text)]
            case Text():
                telling.rewritten()
            case Shown(run=run):
                chunks = [*await self._before(run.part), *telling.shown(run)]
                chunks += await self._recorded() if self._is_time(TICK_S) else []
            case TakenBack(part=part):
                chunks = list(telling.taken_back(part))
            case Still() if self._is_time(TICK_S if telling.is_unsettled else CALM_S):
                chunks = await self._recorded()
            case Said(message=message) | Ended(message=message) if self._is_mine(message):
                await self._read()
                chunks = list(telling.ended(message, self._records, await self._parts()))
            case Cleared():
                chunks = [{"type": "error", "errorText": GONE}]
            case _:
                pass
        return chunks

    async def _before(self, part: int) -> list[Chunk]:
        """What is on record of the step before, where a part begins another one."""
        if not (self._telling.is_next(part) and self._telling.is_unsettled):
            return []
        await self._read()
        return list(self._telling.end_of_step(self._records))

    async def _recorded(self) -> list[Chunk]:
        await self._read()
        return list(self._telling.recorded(self._records))

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
        return is_calm and self._telling.waiting_for_person(self._records)

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
