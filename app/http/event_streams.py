"""Server-Sent Events as a response."""

from collections.abc import AsyncGenerator, Mapping
from types import MappingProxyType

from fastapi.responses import StreamingResponse

NO_MORE: Mapping[str, str] = MappingProxyType({})


def event_stream(
    events: AsyncGenerator[str], headers: Mapping[str, str] = NO_MORE
) -> StreamingResponse:
    """The events as they come, past proxies that would collect them (nginx)."""
    return StreamingResponse(
        events,
        media_type="text/event-stream",
        headers={"X-Accel-Buffering": "no", **headers},
    )
