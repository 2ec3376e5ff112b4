"""Realtime channels that clients follow over HTTP; all of them end when the server stops."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from engine import Engine, Messages


class Streams:
    """The subscriptions of this process's clients."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._open: set[Messages[Any]] = set()
        self._is_closed = False

    @asynccontextmanager
    async def open(self, token: str) -> AsyncGenerator[Messages[Any]]:
        """What the token is for, as JSON. Raises: BadToken, NotListening, TooManySubscriptions."""
        async with self._engine.subscribe_with(token) as messages:
            if self._is_closed:
                messages.end()
            self._open.add(messages)
            try:
                yield messages
            finally:
                self._open.discard(messages)

    def close(self) -> None:
        """End them all, and those to come: a server that stops waits for its answers."""
        self._is_closed = True
        for messages in self._open:
            messages.end()
