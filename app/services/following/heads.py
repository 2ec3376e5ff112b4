"""How far the conversations are that are followed in this process: one look for all of them.

What is said in this process wakes its readers at once; the rest is found by looking, more often
while answers are being written.
"""

import asyncio
import logging
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from core.errors import Transient
from core.ids import ConversationId
from store.following import HEADS, FollowedConversations
from store.records import ConversationHead

log = logging.getLogger(__name__)

ACTIVE_S = 0.1  # while something is being answered
IDLE_S = 1.0


@dataclass(eq=False)
class Watch:
    """One reader's; `wake` is set when the head has changed, or the reader has to end."""

    wake: asyncio.Event = field(default_factory=asyncio.Event)
    head: ConversationHead | None = None
    """How far the conversation is; None: not looked yet."""
    is_gone: bool = False
    is_closed: bool = False


class Heads:
    """Looks while there is somebody to tell."""

    def __init__(self, store: FollowedConversations) -> None:
        self._store = store
        self._watches: dict[ConversationId, set[Watch]] = {}
        self._poke = asyncio.Event()
        self._is_closed = False

    @contextmanager
    def watched(self, conversation_id: ConversationId) -> Generator[Watch]:
        """A watch, while the block runs."""
        watch = Watch(is_closed=self._is_closed)
        watches = self._watches.setdefault(conversation_id, set())
        watches.add(watch)
        self.look()
        try:
            yield watch
        finally:
            watches.discard(watch)
            if not watches and self._watches.get(conversation_id) is watches:
                del self._watches[conversation_id]

    def look(self) -> None:
        """Look soon: something has begun."""
        self._poke.set()

    def close(self) -> None:
        """End all readers, and those to come: a server that stops waits for them."""
        self._is_closed = True
        for watch in self._all():
            watch.is_closed = True
            watch.wake.set()

    async def run(self) -> None:
        """Look until it is cancelled."""
        while True:
            active = any(watch.head and watch.head.running for watch in self._all())
            pause_s = ACTIVE_S if active else IDLE_S
            try:
                async with asyncio.timeout(pause_s if self._watches else None):
                    await self._poke.wait()
            except TimeoutError:
                pass
            self._poke.clear()
            try:
                await self._look()
            except Transient:
                log.warning("conversations_not_looked_at", exc_info=True)
                await asyncio.sleep(IDLE_S)

    async def _look(self) -> None:
        ids = list(self._watches)
        for start in range(0, len(ids), HEADS):
            some = ids[start : start + HEADS]
            self._tell(some, await self._store.heads(some))

    def _tell(
        self, ids: Sequence[ConversationId], heads: Sequence[ConversationHead | None]
    ) -> None:
        for conversation_id, head in zip(ids, heads, strict=True):
            for watch in self._watches.get(conversation_id, ()):
                if head is None:
                    watch.is_gone = True
                elif watch.head == head:
                    continue
                watch.head = head
                watch.wake.set()

    def _all(self) -> Iterator[Watch]:
        return (watch for watches in self._watches.values() for watch in watches)
