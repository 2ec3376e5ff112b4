"""Who listens in this process, and what waits for them."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Generic, TypeVar

from core.errors import Refused, Transient
from engine.realtime.channels import Address
from engine.realtime.messages import KeptMessage, Message, Travelling, WireMessage

T = TypeVar("T")

WAITING = 256  # messages for one subscriber; the one after that ends its subscription
SUBSCRIPTIONS = 10_000  # in one process; the next one is refused


class TooSlow(Refused):
    """The subscriber fell so far behind that messages for it were dropped."""

    code = "too_slow"

    def __init__(self, channel: str) -> None:
        super().__init__(
            f"the subscription to channel {channel!r} has ended: its reader was more than "
            f"{WAITING} messages or a minute behind; read faster, or subscribe again"
        )
        self.channel = channel


class TooManySubscriptions(Transient):
    """This process has as many subscriptions as it takes."""

    code = "too_many_subscriptions"

    def __init__(self) -> None:
        super().__init__(f"this process has {SUBSCRIPTIONS} subscriptions, which is the bound")


ReadKept = Callable[[KeptMessage], Awaitable[WireMessage | None]]


class Messages(AsyncIterator[Message[T]], Generic[T]):
    """The messages of one subscription, for one reader; ends when the engine closes.

    Raises:
        BadMessage: somebody has sent data of another type under this topic; the next call goes on
            with the next message.
        TooSlow: too much waited for this reader; nothing comes any more.
    """

    def __init__(self, address: Address, read_kept: ReadKept) -> None:
        self.address = address
        self._read_kept = read_kept
        self._waiting: deque[Travelling] = deque()
        self._news = asyncio.Event()
        self._is_too_slow = False
        self._is_over = False

    async def __anext__(self) -> Message[T]:
        while not self._waiting:
            if self._is_too_slow:
                raise TooSlow(self.address.channel)
            if self._is_over:
                raise StopAsyncIteration
            self._news.clear()
            await self._news.wait()
        head = self._waiting[0]  # it stays there while it is fetched: that may be interrupted
        message = await self._fetch(head) if isinstance(head, KeptMessage) else head
        if self._waiting and self._waiting[0] is head:
            self._waiting.popleft()
        return message.read_as(self.address.topic(message.topic))

    async def _fetch(self, kept: KeptMessage) -> WireMessage:
        found = None if self._is_over else await self._read_kept(kept)
        if found is not None:
            return found
        if self._is_over:
            raise StopAsyncIteration
        self._drop()
        raise TooSlow(self.address.channel)

    def offer(self, message: Travelling) -> None:
        """Let a message wait for the reader."""
        if self._is_over or self._is_too_slow or not self.address.takes(message.topic):
            return
        if len(self._waiting) >= WAITING:
            self._drop()
        else:
            self._waiting.append(message)
        self._news.set()

    def _drop(self) -> None:
        """What waits has a hole now: let go of it at once, it may be large."""
        self._is_too_slow = True
        self._waiting.clear()

    def end(self) -> None:
        """What waits can still be read, and then it is over."""
        self._is_over = True
        self._news.set()


class Hub:
    """The subscriptions of this process."""

    def __init__(self) -> None:
        self._by_channel: dict[str, dict[Messages[object], None]] = {}
        self._count = 0

    def add(self, messages: Messages[object]) -> None:
        """From now on it gets what is said. Raises: TooManySubscriptions."""
        if self._count >= SUBSCRIPTIONS:
            raise TooManySubscriptions
        self._count += 1
        self._by_channel.setdefault(messages.address.channel, {})[messages] = None

    def remove(self, messages: Messages[object]) -> None:
        """It gets nothing any more."""
        channel = messages.address.channel
        listeners = self._by_channel[channel]
        del listeners[messages]
        self._count -= 1
        if not listeners:
            del self._by_channel[channel]

    def deliver(self, message: Travelling) -> None:
        """Give it to those who listen."""
        for each in self._by_channel.get(message.channel, ()):
            each.offer(message)

    def close(self) -> None:
        """End every subscription."""
        for listeners in self._by_channel.values():
            for each in listeners:
                each.end()
