"""An answer reaches its client, though it was given before the whole body was read.

A server that closes a connection on which bytes still come resets it: the client, in the middle of
sending, loses the answer that says why its upload was refused.
"""

import asyncio
from contextlib import suppress

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LINGER_S = 30.0  # as nginx (`lingering_time`, `lingering_timeout`): in all, and for more to come
SILENCE_S = 5.0


class Lingering:
    """Reads what is left of a body, and throws it away, once the answer is on its way."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102 - ASGI
        if scope["type"] != "http" or not _sends_body(Headers(scope=scope)):
            await self._app(scope, receive, send)
            return
        is_read = False

        async def noted_receive() -> Message:
            nonlocal is_read
            message = await receive()
            is_read = not message.get("more_body", False)
            return message

        async def lingering_send(message: Message) -> None:
            is_last = message["type"] == "http.response.body" and not message.get("more_body")
            if is_read or not is_last:
                await send(message)
                return
            await send({**message, "more_body": True})
            with suppress(TimeoutError):
                async with asyncio.timeout(LINGER_S):
                    while not is_read:
                        async with asyncio.timeout(SILENCE_S):
                            await noted_receive()
            await send({"type": "http.response.body"})

        await self._app(scope, noted_receive, lingering_send)


def _sends_body(headers: Headers) -> bool:
    """Whether a body comes by itself: not one that waits for leave (`100-continue`)."""
    if "expect" in headers:
        return False
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"
