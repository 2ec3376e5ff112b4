"""Routes for clients of others' platforms: a key says who calls, errors have their shape."""

import json
from collections.abc import Mapping
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.security import HTTPBearer
from starlette.exceptions import HTTPException

from app.http.access import AuthenticatedRoute, Handler, get_services
from app.http.errors import on_http, on_invalid, on_refused, on_transient
from app.identity.tokens import Caller
from app.services.clients.keys import OwnedKeys
from core.errors import Refused, Transient

shown_key = HTTPBearer(
    auto_error=False,
    scheme_name="ClientKey",
    description="A key of POLARIS_EVENT_KEYS, POLARIS_SIGNING_KEYS or POLARIS_TRIGGER_KEYS.",
)
"""For the OpenAPI page only: the route class judges keys."""


async def bearer_of(request: Request, keys: OwnedKeys) -> Caller:
    """Whose key, or token of our own, the request brings. Raises: Unauthorized."""
    authorization = request.headers.get("authorization", "")
    scheme, _, key = authorization.partition(" ")
    owner = keys.owner(key) if scheme.lower() == "bearer" and key else None
    if owner is not None:
        return Caller(owner)
    return await get_services(request).authenticator.caller(authorization)


class KeyedRoute(AuthenticatedRoute):
    """A key says who calls; what is refused gets the shape of `reshaped`."""

    def reshaped(self, status: int, problem: Mapping[str, Any]) -> Mapping[str, Any]:
        """How their clients expect an error to look."""
        return {**problem, "status": status}

    def get_route_handler(self) -> Handler:
        """The handler behind the check."""
        handle = super().get_route_handler()

        async def keyed(request: Request) -> Response:
            try:
                return await handle(request)
            except (Refused, Transient, HTTPException, RequestValidationError) as error:
                return await self.refusal(request, error)

        return keyed

    async def refusal(self, request: Request, error: Exception) -> Response:
        """The answer to what is refused."""
        match error:
            case Refused():
                answer = await on_refused(request, error)
            case Transient():
                answer = await on_transient(request, error)
            case HTTPException():
                answer = await on_http(request, error)
            case _:
                answer = await on_invalid(request, error)
        found: Mapping[str, Any] = json.loads(bytes(answer.body))
        headers = {
            name: value for name, value in answer.headers.items() if name != "content-length"
        }
        return JSONResponse(
            self.reshaped(answer.status_code, found), answer.status_code, headers=headers
        )
