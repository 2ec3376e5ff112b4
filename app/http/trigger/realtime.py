"""Their realtime subscriptions, which are not served: whoever asks is told so, and what to use."""

from http import HTTPStatus

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from app.http.errors import problem

router = APIRouter(tags=["trigger"])


@router.get("/realtime/v1/{rest:path}", status_code=501, include_in_schema=False)
async def no_realtime(rest: str) -> JSONResponse:
    """`runs.subscribeToRun` and its like speak the protocol of Electric, which nothing here has."""
    del rest
    return problem(
        HTTPStatus.NOT_IMPLEMENTED,
        "Trigger.dev's realtime subscriptions are not served here; use runs.poll, or follow a "
        "message through Convex",
        "not_implemented",
        headers={"x-should-retry": "false"},
    )
