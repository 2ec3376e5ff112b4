"""One answer as it is written: from the process that writes it where that is this one, and Convex.

Both have the same pieces at the same places. What a reader was told before Convex had it counts
only as long as the same attempt writes: after a crash another one may say something else there, and
all of it is taken back and told anew.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import replace

from app.services.following.events import (
    Cursor,
    Ended,
    Event,
    Resumed,
    Shown,
    Still,
    TakenBack,
    Text,
    Told,
)
from app.services.following.heads import Watch
from core.errors import NotFound
from core.ids import OwnerId
from store.gateway import Store
from store.live_text import LiveText, Piece, Place
from store.records import DeltaRun, FollowedStream, Message

BEGIN = Place()
SHORT_CHARS = 12
GATHER_S = 0.005  # so long a few characters wait for more: an event is longer than they are


class AnswerReader:
    """Tells one answer to one reader, from a place on to its end."""

    def __init__(
        self, store: Store, message: Message, owner: OwnerId, watch: Watch, *, still_s: float
    ) -> None:
        self._store = store
        self._message = message
        self._owner = owner
        self._watch = watch
        self._still_s = still_s
        self._live = store.deltas.live
        self._begin_anew()

    async def tell(self, resumed: Cursor | None) -> AsyncGenerator[Told]:
        """From the beginning, or from where the reader was; ends with the answer.

        Raises: NotFound: it is gone.
        """
        with self._live.waking(self._message.message_id, self._watch.wake):
            if resumed is not None and resumed.place is not None:
                async for told in self._catch_up(resumed.place, resumed.epoch):
                    yield told
            async for told in self._go_on():
                yield told

    def _begin_anew(self) -> None:
        self._chars = _Chars()
        self._at = BEGIN
        self._epoch = 0  # of who said what is before `at`; 0: Convex has it

    async def _catch_up(self, place: Place, epoch: int) -> AsyncGenerator[Told]:
        """Count what the reader has, up to `place`; all is taken back where that does not hold."""
        while not self._is_over:
            self._watch.wake.clear()
            page = await self._page(before=place.seq)
            self._take_page(page)
            if page.has_more:
                continue
            holds = epoch in {0, page.epoch} and (self._at.seq == place.seq or epoch != 0)
            if holds and await self._reach(place, epoch):
                yield self._told(Resumed(self._message.message_id, self._chars.total))
                return
            if not holds or page.status != "processing":
                self._begin_anew()
                yield self._told(TakenBack(0, 0))
                return
            async for told in self._wait():
                yield told

    async def _reach(self, place: Place, epoch: int) -> bool:
        """Count the rest up to `place`, which Convex may not have: whether it is there."""
        live = self._live.of(self._message.message_id)
        pieces = live.since(self._at) if live is not None and live.epoch == epoch else None
        for piece in pieces or ():
            if piece.start >= place:
                break
            self._chars.take(piece.run)
            self._at, self._epoch = piece.end, epoch
        if self._at == place:
            return True
        if self._at != Place(place.seq):
            return False
        page = await self._page(before=place.seq + 1)
        if not page.runs or len(page.runs[0].text) < place.offset:
            return False
        run = page.runs[0]
        self._chars.take(replace(run, text=run.text[: place.offset]))
        self._at, self._epoch = place, epoch
        return page.epoch == epoch

    async def _go_on(self) -> AsyncGenerator[Told]:
        while not self._is_over:
            self._watch.wake.clear()
            before = self._at
            live = self._writing()
            pieces = live.since(self._at) if live is not None else None
            if live is not None and pieces is not None:
                for told in self._from_live(live, await _gathered(live, self._at, pieces)):
                    yield told
            else:
                page = await self._page()
                for told in self._from_convex(page):
                    yield told
                if self._at == before and page.status != "processing":
                    async for told in self._end(page.epoch):
                        yield told
                    return
            if self._at == before:
                async for told in self._wait():
                    yield told

    async def _page(self, before: int | None = None) -> FollowedStream:
        """What Convex has from here on. Raises: NotFound: the message is gone."""
        message_id = self._message.message_id
        page = await self._store.following.stream(message_id, start=self._at.seq, before=before)
        if page is None:
            raise NotFound("Message not found")
        return page

    @property
    def _is_over(self) -> bool:
        return self._watch.is_closed or self._watch.is_gone

    def _writing(self) -> LiveText | None:
        """What is said in this process, unless another attempt writes, or nobody any more."""
        live = self._live.of(self._message.message_id)
        head = self._watch.head
        if live is None or self._epoch not in {0, live.epoch} or head is None:
            return None
        mine = [it for it in head.running if it.message_id == self._message.message_id]
        return live if mine and mine[0].epoch <= live.epoch else None

    def _from_live(self, live: LiveText, pieces: Sequence[Piece]) -> Iterator[Told]:
        for run, end in _merged(pieces):
            self._at, self._epoch = end, live.epoch
            event = self._chars.take(run)
            if event is not None:
                yield self._told(event)

    def _from_convex(self, page: FollowedStream) -> Iterator[Told]:
        if self._epoch not in {0, page.epoch}:
            self._begin_anew()
            yield self._told(TakenBack(0, 0))
            self._at = BEGIN
            return
        events = self._take_page(page)
        for event in events:
            yield self._told(event)

    def _take_page(self, page: FollowedStream) -> list[Event]:
        """Count what Convex has from here on; the events that say it."""
        known = self._at.offset
        events: list[Event] = []
        for run in page.runs:
            event = self._chars.take(replace(run, text=run.text[known:]) if known else run)
            known = 0
            if event is not None:
                events.append(event)
        if page.runs:
            self._at, self._epoch = Place(page.next), 0
        return events

    async def _end(self, epoch: int) -> AsyncGenerator[Told]:
        message = await self._store.messages.owned(self._message.message_id, owner=self._owner)
        if len(message.content) != self._chars.total:  # words that were never saved, or were cut
            self._begin_anew()
            yield self._told(TakenBack(0, 0))
            if message.content:
                yield self._told(Text(message.content))
        yield Told(Ended(message), Cursor(message.order + 1, epoch))

    async def _wait(self) -> AsyncGenerator[Told]:
        """Until something has happened."""
        while not self._watch.wake.is_set():
            try:
                async with asyncio.timeout(self._still_s):
                    await self._watch.wake.wait()
            except TimeoutError:
                yield self._told(Still())

    def _told(self, event: Event) -> Told:
        return Told(event, Cursor(self._message.order, self._epoch, self._at))


class _Chars:
    """How much text there is, by part: a reset takes parts away."""

    def __init__(self) -> None:
        self._of_part: dict[int, int] = {}

    @property
    def total(self) -> int:
        return sum(self._of_part.values())

    def take(self, run: DeltaRun) -> Event | None:
        """Count it; what it is to a reader."""
        match run.kind:
            case "text":
                self._of_part[run.part] = self._of_part.get(run.part, 0) + len(run.text)
                return Text(run.text, run.part) if run.text else None
            case "reset":
                self._of_part = {part: n for part, n in self._of_part.items() if part < run.part}
                return TakenBack(run.part, self.total)
            case _:
                return Shown(run)


async def _gathered(live: LiveText, at: Place, pieces: Sequence[Piece]) -> Sequence[Piece]:
    """The pieces; a few characters wait a moment for more."""
    if pieces and sum(len(piece.run.text) for piece in pieces) < SHORT_CHARS:
        await asyncio.sleep(GATHER_S)
        return live.since(at) or pieces
    return pieces


def _merged(pieces: Sequence[Piece]) -> Iterator[tuple[DeltaRun, Place]]:
    """Adjacent pieces of one part, kind and call as one, with the place where they end."""
    index = 0
    while index < len(pieces):
        first = pieces[index].run
        known = (first.part, first.kind, first.tool_call_id)
        last = index
        while last + 1 < len(pieces) and first.text:
            run = pieces[last + 1].run
            if (run.part, run.kind, run.tool_call_id) != known:
                break
            last += 1
        text = "".join(piece.run.text for piece in pieces[index : last + 1])
        yield replace(first, text=text), pieces[last].end
        index = last + 1
