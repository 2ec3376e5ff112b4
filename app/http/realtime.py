"""The route of realtime channels: what runs say while they run, as Server-Sent Events."""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from fastapi.responses import StreamingResponse
from fastapi.security import APIKeyQuery

from app.http.access import RESPONSES, ServicesDep
from app.http.event_streams import event_stream
from engine import Message, Messages, TooSlow

log = logging.getLogger(__name__)

router = APIRouter(prefix="/api", tags=["engine"], responses=RESPONSES)

HEARTBEAT_S = 15.0  # proxies close what is silent for 30 to 60 s

_token = APIKeyQuery(
    name="token",
    scheme_name="SubscriptionToken",
    description="From `POST /api/runs/{runId}/realtime`.",
    auto_error=False,
)


async def get_messages(
    services: ServicesDep, token: Annotated[str | None, Depends(_token)]
) -> AsyncGenerator[Messages[Any]]:
    """What the token is for, until the answer has ended."""
    async with services.streams.open(token or "") as messages:
        yield messages


@router.get(
    "/realtime",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}, "description": "Messages."}},
)
async def follow_channel(
    messages: Annotated[Messages[Any], Depends(get_messages)],
) -> StreamingResponse:
    """Follow a channel: `event` is the topic, `data` the JSON of the message.

    The token stands in the address because a browser's EventSource sends no headers; it is for
    this one channel and its time to start is short. Only what is said from now on comes. A reader
    that falls more than 256 messages behind is cut off.
    """
    return event_stream(_events(messages))


async def _events(messages: Messages[Any]) -> AsyncGenerator[str]:
    yield ": connected\n\n"
    while True:
        try:
            async with asyncio.timeout(HEARTBEAT_S):
                message = await anext(messages)
        except TimeoutError:
            yield ": still here\n\n"
        except StopAsyncIteration:
            return
        except TooSlow:
            log.info("realtime_reader_too_slow", extra={"channel": messages.address.channel})
            return
        else:
            yield event_of(message)


def event_of(message: Message[Any]) -> str:
    """A message as text/event-stream has it."""
    # Ids hold the ids of steps, which may hold a line end; JSON escapes those, here as in the data.
    message_id = json.dumps(message.id)[1:-1]
    data = json.dumps(message.data, ensure_ascii=False, separators=(",", ":"))
    return f"id: {message_id}\nevent: {message.topic}\ndata: {data}\n\n"
