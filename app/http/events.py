"""Events: routes, and what goes in. Everybody sees their own."""

from typing import Annotated, Any

from fastapi import Path
from pydantic import Field

from app.http.access import FORBIDDEN, AccessDep, api_router
from app.http.engine_lists import Name, PageSize, WindowDep
from app.http.parameters import Cursor
from app.wire.events import EventDetailAnswer, EventPage, EventSent
from app.wire.shapes import Body
from engine.inspection import EventFilter

router = api_router("engine")

EventPathId = Annotated[str, Path(max_length=400)]


class NewEvent(Body):
    """An event to send. An `eventId` seen in the last 24 hours starts nothing."""

    name: str = Field(min_length=1, max_length=200, examples=["report/wanted"])
    data: dict[str, Any] = Field(default_factory=dict)
    event_id: str | None = Field(None, min_length=1, max_length=200)


@router.get("/events", response_model_exclude_none=True)
async def list_events(
    access: AccessDep,
    window: WindowDep,
    name: Name = None,
    limit: PageSize = 50,
    cursor: Cursor = None,
) -> EventPage:
    """Events and what they started, last received first."""
    which = EventFilter(
        name=name,
        since=window.since,
        until=window.until,
        field=window.field,
        text=window.text,
    )
    page = await access.services.engine.events(
        which, owner=access.caller.owner, limit=limit, cursor=cursor
    )
    return EventPage.of(page, for_operator=access.services.engine.has_operator)


@router.get("/events/{event_id:path}", response_model_exclude_none=True)
async def get_event(event_id: EventPathId, access: AccessDep) -> EventDetailAnswer:
    """An event with its data, what it started, which waits it ended and what it cancelled."""
    engine, owner = access.services.engine, access.caller.owner
    event = await engine.event(event_id, owner=owner)
    effects = await engine.effects(event_id, owner=owner)
    return EventDetailAnswer.of_detail(event, effects, for_operator=engine.has_operator)


@router.post("/events", status_code=201, response_model_exclude_none=True, responses=FORBIDDEN)
async def send_event(body: NewEvent, access: AccessDep) -> EventSent:
    """Send an event. For the operator of an installation with one local user only.

    An event can cancel what its data names, so others reach the engine through the routes above.
    """
    sent = await access.services.engine.send(
        body.name, body.data, owner=access.caller.owner, event_id=body.event_id
    )
    return EventSent.of(sent)
