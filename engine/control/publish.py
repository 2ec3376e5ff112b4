"""The engine's API: realtime channels."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeVar, overload

from core.ids import new_id
from engine.control.parts import Running
from engine.duration import Duration, seconds_of
from engine.realtime.channels import Address, AnyTopic, Channel, Topic, address
from engine.realtime.hub import Hub, Messages
from engine.realtime.messages import worded
from engine.realtime.publisher import Publisher
from engine.realtime.tokens import Tokens

T = TypeVar("T")

TOKEN_TTL = "1m"  # noqa: S105 - a duration


class Publishing(Running):
    """Saying something to those who listen now, and listening. Nothing of it is stored."""

    _hub: Hub
    _publisher: Publisher
    _tokens: Tokens

    @overload
    async def publish(self, channel: Channel | str, topic: Topic[T], data: T) -> None: ...
    @overload
    async def publish(self, channel: Channel | str, topic: str, data: object) -> None: ...
    async def publish(self, channel: Channel | str, topic: AnyTopic, data: object) -> None:
        """Send a message to whoever listens now, in any process. Jobs use `ctx.publish`.

        A channel or topic that is given by its name takes any JSON.

        Raises:
            BadChannel: the channel has no such topic, or a name cannot be.
            BadMessage: the data does not fit the topic, is not JSON, or is over 512 KiB.
        """
        self._check_running()
        words = worded(channel, topic, data)
        await self._publisher.publish(words.said(new_id("msg"), None, self._ledger.now_ms()), None)

    @overload
    def subscribe(
        self, channel: Channel | str, topics: Sequence[Topic[T]]
    ) -> AbstractAsyncContextManager[Messages[T]]: ...
    @overload
    def subscribe(
        self, channel: Channel | str, topics: Sequence[AnyTopic] | None = None
    ) -> AbstractAsyncContextManager[Messages[Any]]: ...
    def subscribe(
        self, channel: Channel | str, topics: Sequence[AnyTopic] | None = None
    ) -> AbstractAsyncContextManager[Messages[Any]]:
        """Get what is sent to a channel while the block runs, at most once each.

        Without `topics`, all of the channel's. Messages of one sender come in the order sent. What
        is sent while the connection to PostgreSQL is lost does not come.

        Raises:
            BadChannel: the channel has no such topic, or a name cannot be.
            NotListening: PostgreSQL does not answer.
            TooManySubscriptions: this process has 10,000.
        """
        return self._subscribed(address(channel, topics))

    def subscription_token(
        self,
        channel: Channel | str,
        topics: Sequence[AnyTopic] | None = None,
        *,
        ttl: Duration = TOKEN_TTL,
    ) -> str:
        """A signed token with which somebody may subscribe, until `ttl` has passed.

        It holds in every process on this database. A subscription that has begun goes on.

        Raises:
            BadChannel: as for `subscribe`.
        """
        self._check_running()
        return self._tokens.make(address(channel, topics), seconds_of(ttl))

    def subscribe_with(self, token: str) -> AbstractAsyncContextManager[Messages[Any]]:
        """Subscribe to what the token is for; data comes as JSON.

        Raises:
            BadToken: it has expired, or was not made with this database.
            NotListening, TooManySubscriptions: as for `subscribe`.
        """
        self._check_running()
        return self._subscribed(self._tokens.read(token))

    @asynccontextmanager
    async def _subscribed(self, where: Address) -> AsyncGenerator[Messages[Any]]:
        self._check_running()
        await self._publisher.listening()
        messages: Messages[Any] = Messages(where, self._publisher.read_kept)
        self._hub.add(messages)
        try:
            yield messages
        finally:
            self._hub.remove(messages)
