"""Inngest's event API, and the part of its REST API that looks at runs and cancels them."""

import json
from collections.abc import Mapping
from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, Path, Request, Response
from fastapi.responses import JSONResponse
from pydantic import ValidationError

from app.http.access import CONFLICT, FORBIDDEN, RESPONSES, AccessDep
from app.http.errors import InvalidRequest, status_of
from app.http.inngest.wire import (
    CancellationAnswer,
    GivenEvent,
    NewCancellation,
    OneRunAnswer,
    RunAnswer,
    RunsAnswer,
    SentEvents,
)
from app.http.keyed import KeyedRoute, bearer_of, shown_key
from app.http.rates.limits import RateClass
from app.identity.tokens import Caller, Unauthorized
from app.services.clients.events import ClientEvent
from core.errors import Refused
from core.ids import new_id
from core.invalid import problem_text

MAX_EVENTS = 500  # in one request
SEED = "x-inngest-event-id-seed"
RunPathId = Annotated[str, Path(max_length=400)]


class EventKeyNotFound(Unauthorized):
    """The words that Inngest's SDKs and people know."""

    code = "unauthorized"

    def __init__(self) -> None:
        Refused.__init__(self, "Event key not found; keys are the setting POLARIS_EVENT_KEYS")


class EventsRoute(KeyedRoute):
    """The event key is in the path, or in the header."""

    async def identify(self, request: Request) -> Caller:
        """Whose event key it is. Raises: EventKeyNotFound."""
        keys = request.app.state.services.clients.event_keys
        owner = keys.owner(request.path_params.get("key", ""))
        if owner is not None:
            return Caller(owner)
        try:
            return await bearer_of(request, keys)
        except Unauthorized:
            raise EventKeyNotFound from None

    def reshaped(self, status: int, problem: Mapping[str, Any]) -> Mapping[str, Any]:
        """Their SDKs read `ids`, `status` and `error`."""
        return {"ids": [], **problem, "status": status}


class ApiRoute(KeyedRoute):
    """The signing key, as it is or hashed, is in the header."""

    async def identify(self, request: Request) -> Caller:
        """Whose signing key it is. Raises: Unauthorized."""
        return await bearer_of(request, request.app.state.services.clients.signing_keys)


events = APIRouter(
    tags=["inngest"],
    route_class=EventsRoute,
    dependencies=[Depends(shown_key)],
    responses=RESPONSES | FORBIDDEN | CONFLICT,
)
router = APIRouter(
    tags=["inngest"],
    route_class=ApiRoute,
    dependencies=[Depends(shown_key)],
    responses=RESPONSES | FORBIDDEN,
)


@events.post("/e/{key}", response_model=SentEvents)
async def send_events(
    key: Annotated[str, Path(max_length=300)], request: Request, access: AccessDep
) -> Response:
    """Take one event, or a list: what starts and stops jobs is done in the key owner's name.

    All are judged before any is acted upon. Where one is refused by what it names, `ids` has those
    that went before; sent again with the same ids or the same `x-inngest-event-id-seed`, these
    start nothing anew.
    """
    del key  # `EventsRoute` has judged it
    return await _send(request, access)


@events.post("/v1/events", response_model=SentEvents)
async def send_events_by_header(request: Request, access: AccessDep) -> Response:
    """As `POST /e/{key}`, with the event key in the header `Authorization: Bearer`."""
    return await _send(request, access)


async def _send(request: Request, access: AccessDep) -> Response:
    clients, owner = access.services.clients, access.caller.owner
    given = _given(await request.body())
    seed = request.headers.get(SEED)
    if seed is not None and not 0 < len(seed) <= 200:  # noqa: PLR2004 - theirs has 30 characters
        raise InvalidRequest(f"{SEED}: 1 to 200 characters", field=SEED)
    wanted = [
        clients.read(ClientEvent(each.name, each.data, each.id, seed, number))
        for number, each in enumerate(given)
    ]
    for _ in wanted[1:]:  # the request itself was counted as one
        await access.services.rates.check(owner, RateClass.MESSAGES)
    ids: list[str] = []
    for event in wanted:
        try:
            ids.append(await clients.act(event, owner=owner))
        except Refused as refused:
            status = status_of(refused)
            problem = {"ids": ids, "status": status, "error": str(refused), "code": refused.code}
            return JSONResponse(problem, status)
    return JSONResponse({"ids": ids, "status": 200})


def _given(body: bytes) -> list[GivenEvent]:
    """The events of a body. Raises: InvalidRequest."""
    try:
        found: Any = json.loads(body)
    except (ValueError, RecursionError):
        raise InvalidRequest("Body is not valid JSON") from None
    rows = cast("list[Any]", found) if isinstance(found, list) else [found]
    if not 0 < len(rows) <= MAX_EVENTS:
        raise InvalidRequest(f"1 to {MAX_EVENTS} events go in one request")
    try:
        return [GivenEvent.model_validate(row) for row in rows]
    except ValidationError as error:
        raise InvalidRequest(problem_text(error, whole="event")) from None


@router.get("/v1/events/{event_id:path}/runs")
async def list_runs_of_event(event_id: RunPathId, access: AccessDep) -> RunsAnswer:
    """What an event has started; empty also where it is somebody else's, or not known any more."""
    runs = await access.services.clients.runs_of(event_id, owner=access.caller.owner)
    return RunsAnswer(data=[RunAnswer.of(run) for run in runs])


@router.get("/v1/runs/{run_id:path}")
async def get_client_run(run_id: RunPathId, access: AccessDep) -> OneRunAnswer:
    """A run, and what it came to."""
    run = await access.services.engine.run(run_id, owner=access.caller.owner)
    return OneRunAnswer(data=RunAnswer.of(run))


@router.delete("/v1/runs/{run_id:path}", status_code=204, response_class=Response)
async def cancel_client_run(run_id: RunPathId, access: AccessDep) -> Response:
    """Cancel a run, and before it the answer that it writes; one that has ended stays as it is."""
    await access.services.engine.cancel(run_id, owner=access.caller.owner)
    return Response(status_code=204)


@router.post("/v1/cancellations", status_code=201)
async def cancel_client_runs(body: NewCancellation, access: AccessDep) -> CancellationAnswer:
    """Cancel the runs of a function that were made in a span of time; the owner's only."""
    cancelled = await access.services.clients.cancel_many(
        body.function_id,
        owner=access.caller.owner,
        after=body.started_after,
        before=body.started_before,
        when=body.if_,
    )
    return CancellationAnswer(
        id=new_id("cancellation"),
        function_id=body.function_id,
        started_after=body.started_after,
        started_before=body.started_before,
        if_=body.if_,
        cancelled=cancelled,
    )


router.include_router(events)
