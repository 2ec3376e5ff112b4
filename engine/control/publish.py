"""Realtime channels: saying something to those who listen now, and listening."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from core.ids import new_id
from engine.realtime.channels import Address, AnyTopic, Channel, address
from engine.realtime.hub import Hub, Messages
from engine.realtime.messages import Saying, worded
from engine.realtime.publisher import Publisher
from engine.realtime.tokens import Tokens


@dataclass(frozen=True)
class Channels:
    """Publishes for callers, and subscribes them. Nothing of it is stored."""

    hub: Hub
    publisher: Publisher
    tokens: Tokens
    now_ms: Callable[[], int]
    check_running: Callable[[], None]

    async def publish(self, channel: Channel | str, topic: AnyTopic, data: object) -> None:
        """See `Engine.publish`."""
        words = worded(channel, topic, data)
        await self.publisher.publish(words.said(new_id("msg"), None, self.now_ms()), None)

    async def publish_all(self, sayings: Sequence[Saying]) -> None:
        """See `Engine.publish_all`."""
        now_ms = self.now_ms()
        messages = [
            worded(each.channel, each.topic, each.data).said(each.id, each.run_id, now_ms)
            for each in sayings
        ]
        await self.publisher.publish_all(messages)

    def subscribe(
        self, channel: Channel | str, topics: Sequence[AnyTopic] | None
    ) -> AbstractAsyncContextManager[Messages[Any]]:
        """See `Engine.subscribe`."""
        return self._subscribed(address(channel, topics))

    def token(self, channel: Channel | str, topics: Sequence[AnyTopic] | None, ttl_s: float) -> str:
        """See `Engine.subscription_token`."""
        return self.tokens.make(address(channel, topics), ttl_s)

    def subscribe_with(self, token: str) -> AbstractAsyncContextManager[Messages[Any]]:
        """See `Engine.subscribe_with`."""
        return self._subscribed(self.tokens.read(token))

    @asynccontextmanager
    async def _subscribed(self, where: Address) -> AsyncGenerator[Messages[Any]]:
        self.check_running()
        await self.publisher.listening()
        messages: Messages[Any] = Messages(where, self.publisher.read_kept)
        self.hub.add(messages)
        try:
            yield messages
        finally:
            self.hub.remove(messages)
