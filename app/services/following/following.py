"""Who follows a conversation: its messages in order, and an answer as it is written."""

import asyncio
from collections.abc import AsyncGenerator

from app.services.following.answer import BEGIN, AnswerReader
from app.services.following.events import Answering, Cleared, Cursor, Said, Still, Told
from app.services.following.heads import Heads, Watch
from core.errors import NotFound
from core.ids import ConversationId, OwnerId
from store.gateway import Store
from store.records import FollowedMessage

STILL_S = 15.0  # proxies close what is silent for 30 to 60 s


class Following:
    """The readers of this process; `run` has to run beside them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._heads = Heads(store.following)
        self._live = store.deltas.live
        self._live.opened = self._heads.look
        self.run = self._heads.run
        self.close = self._heads.close

    async def follow(
        self,
        conversation_id: ConversationId,
        *,
        owner: OwnerId,
        after: Cursor | None,
        still_s: float = STILL_S,
    ) -> AsyncGenerator[Told]:
        """Everything after a place, then what comes, until the conversation is deleted.

        None: from the answer that is being written, or else from now on. After `still_s` without
        any event it says so. A reader that leaves changes nothing: the answer goes on.

        Raises:
            NotFound: it is not there, or somebody else's. Before the first event.
        """
        begin = after or await self._now(conversation_id, owner)
        with self._heads.watched(conversation_id) as watch:
            reader = _Reader(self._store, conversation_id, owner, watch, still_s=still_s)
            async for told in reader.tell(begin):
                yield told

    async def check(self, conversation_id: ConversationId, *, owner: OwnerId) -> None:
        """Raises: NotFound."""
        await self._store.conversations.owned(conversation_id, owner=owner)

    async def _now(self, conversation_id: ConversationId, owner: OwnerId) -> Cursor:
        page = await self._store.messages.list(conversation_id, owner=owner, limit=20)
        running = [it.order for it in page.items if it.status == "processing"]
        newest = page.items[0].order if page.items else -1
        return Cursor(min(running, default=newest + 1))


class _Reader:
    def __init__(
        self,
        store: Store,
        conversation_id: ConversationId,
        owner: OwnerId,
        watch: Watch,
        *,
        still_s: float,
    ) -> None:
        self._store = store
        self._conversation_id = conversation_id
        self._owner = owner
        self._watch = watch
        self._still_s = still_s
        self._cursor = Cursor(0)

    async def tell(self, begin: Cursor) -> AsyncGenerator[Told]:
        self._cursor = begin
        try:
            while not self._watch.is_closed:
                self._watch.wake.clear()
                found = await self._next()
                for each in found:
                    async for told in self._message(each):
                        yield told
                    if self._watch.is_closed:
                        return
                if found:
                    continue
                while not self._watch.wake.is_set():
                    if not await self._woken():
                        yield Told(Still(), self._cursor)
        except NotFound:
            yield Told(Cleared(), self._cursor)

    async def _woken(self) -> bool:
        try:
            async with asyncio.timeout(self._still_s):
                return await self._watch.wake.wait()
        except TimeoutError:
            return False

    async def _next(self) -> list[FollowedMessage]:
        """Messages that are to be told, and the last one again where it is answered anew."""
        cursor = self._cursor
        found = await self._store.following.messages(
            self._conversation_id,
            owner=self._owner,
            start=max(0, cursor.order - 1 if cursor.place is None else cursor.order),
        )
        return [each for each in found if each.message.order >= cursor.order or self._is_anew(each)]

    def _is_anew(self, last: FollowedMessage) -> bool:
        """Whether what was told last is not what stands there now."""
        if last.epoch is None or self._cursor.epoch == 0:
            return False
        return last.message.status == "processing" or last.epoch != self._cursor.epoch

    async def _message(self, followed: FollowedMessage) -> AsyncGenerator[Told]:
        message = followed.message
        resumed = (
            self._cursor if self._cursor.place and message.order == self._cursor.order else None
        )
        after = Cursor(message.order + 1, followed.epoch or 0)
        if message.status != "processing" and resumed is None:
            self._cursor = after
            yield Told(Said(message), after)
            return
        if resumed is None:
            self._cursor = Cursor(message.order, place=BEGIN)
            yield Told(Answering(message), self._cursor)
        reader = AnswerReader(self._store, message, self._owner, self._watch, still_s=self._still_s)
        async for told in reader.tell(resumed):
            self._cursor = told.cursor
            yield told
