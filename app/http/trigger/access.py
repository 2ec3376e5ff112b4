"""Who calls Trigger.dev's API, and how an error looks there."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Depends, Request, Response

from app.http.access import CONFLICT, RESPONSES
from app.http.keyed import KeyedRoute, bearer_of, shown_key
from app.identity.tokens import Caller


class TriggerRoute(KeyedRoute):
    """The secret key is in the header; an error is `{"error": text}`."""

    async def identify(self, request: Request) -> Caller:
        """Whose secret key it is. Raises: Unauthorized."""
        return await bearer_of(request, request.app.state.services.triggering.keys)

    def reshaped(self, status: int, problem: Mapping[str, Any]) -> Mapping[str, Any]:
        """As our own: their SDK reads `error`, and `code` beside it."""
        del status
        return problem

    async def refusal(self, request: Request, error: Exception) -> Response:
        """Their SDK tries a 409 again unless it is told that this is no use."""
        answer = await super().refusal(request, error)
        if answer.status_code == HTTPStatus.CONFLICT:
            answer.headers["x-should-retry"] = "false"
        return answer


def trigger_router() -> APIRouter:
    """A router whose routes need a secret key."""
    return APIRouter(
        prefix="/api",
        tags=["trigger"],
        route_class=TriggerRoute,
        dependencies=[Depends(shown_key)],
        responses=RESPONSES | CONFLICT,
    )
