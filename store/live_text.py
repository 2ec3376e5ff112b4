"""What answers of this process say, as they say it: before the throttle, and before Convex has it.

Each piece has its place in the stream that Convex keeps: the delta that it will be part of, and how
many characters of that come before it. So a reader goes from one to the other without a gap.
"""

import asyncio
from bisect import bisect_left
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple
from weakref import WeakValueDictionary

from core.ids import MessageId
from store.records import DeltaRun, Lease

KEPT_CHARS = 256_000  # of an answer, and what Convex does not have yet


class Place(NamedTuple):
    """A place in the stream of an answer: so many characters into the delta of that number."""

    seq: int = 0
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Piece:
    """What was said at once."""

    start: Place
    run: DeltaRun

    @property
    def end(self) -> Place:
        """Where it ends; what follows begins there, or with the next delta."""
        if not self.run.text:  # a reset: nothing is added to its delta
            return Place(self.start.seq + 1)
        return Place(self.start.seq, self.start.offset + len(self.run.text))


class LiveText:
    """What one attempt at an answer has said; it goes with the attempt."""

    def __init__(self, lease: Lease, changed: Callable[[], None]) -> None:
        self.epoch = lease.epoch
        self._changed = changed
        self._pieces: list[Piece] = []
        self._chars = 0
        self._begin = Place(lease.next_seq)
        self._saved_seq = lease.next_seq

    def add(self, start: Place, run: DeltaRun) -> None:
        """Something was said."""
        self._pieces.append(Piece(start, run))
        self._chars += len(run.text)
        self._changed()

    def saved(self, seq: int) -> None:
        """Convex has all deltas before this one: what is old may be forgotten here."""
        self._saved_seq = seq
        forgotten = 0
        while self._chars > KEPT_CHARS and self._pieces[forgotten].start.seq < seq:
            self._chars -= len(self._pieces[forgotten].run.text)
            forgotten += 1
        if forgotten:
            self._begin = self._pieces[forgotten - 1].end
            del self._pieces[:forgotten]

    def since(self, place: Place) -> Sequence[Piece] | None:
        """What was said from a place on; None: that cannot be told here, Convex has it."""
        index = bisect_left(self._pieces, place, key=lambda piece: piece.start)
        before = self._pieces[index - 1].end if index > 0 else self._begin
        is_next = place == before or (place.offset == 0 and place.seq == before.seq + 1)
        is_piece = index < len(self._pieces) and self._pieces[index].start == place
        return self._pieces[index:] if is_next or is_piece else None


class LiveTexts:
    """Those of this process, by message; `opened` is called when an answer begins to be written."""

    def __init__(self) -> None:
        self._texts: WeakValueDictionary[MessageId, LiveText] = WeakValueDictionary()
        self._readers: dict[MessageId, set[asyncio.Event]] = {}
        self.opened: Callable[[], None] = lambda: None

    def open(self, lease: Lease) -> LiveText:
        """That of a new attempt; it takes the place of an earlier one."""

        def changed() -> None:
            for wake in self._readers.get(lease.message_id, ()):
                wake.set()

        text = LiveText(lease, changed)
        self._texts[lease.message_id] = text
        changed()
        self.opened()
        return text

    def of(self, message_id: MessageId) -> LiveText | None:
        """What is being said now; None: not in this process."""
        return self._texts.get(message_id)

    @contextmanager
    def waking(self, message_id: MessageId, wake: asyncio.Event) -> Generator[None]:
        """Set `wake` whenever something is said, while the block runs."""
        readers = self._readers.setdefault(message_id, set())
        readers.add(wake)
        try:
            yield
        finally:
            readers.discard(wake)
            if not readers:
                self._readers.pop(message_id, None)
