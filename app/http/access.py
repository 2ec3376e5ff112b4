"""Every route under /api is for a caller whose token held and who has not asked too often.

Both are judged before the body is read.
"""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer

from app.http.bare_lists import in_wanted_form
from app.http.callers import caller_of_connection
from app.http.context import Services
from app.http.errors import Problem
from app.http.rates.limits import class_of
from app.identity.tokens import Caller

Handler = Callable[[Request], Coroutine[Any, Any, Response]]

_bearer = HTTPBearer(auto_error=False, description="A JWT of the configured issuer.")

RESPONSES: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem, "description": "The request is not what the route takes."},
    401: {"model": Problem, "description": "No token, or one that does not hold."},
    404: {"model": Problem, "description": "Not there, or somebody else's."},
    413: {"model": Problem, "description": "The body is too large."},
    429: {"model": Problem, "description": "Too many requests of one person; see Retry-After."},
    500: {"model": Problem, "description": "A fault on our side."},
    503: {"model": Problem, "description": "Something behind the API is away; see Retry-After."},
}
FORBIDDEN: dict[int | str, dict[str, Any]] = {
    403: {"model": Problem, "description": "For the operator of the installation only."}
}
CONFLICT: dict[int | str, dict[str, Any]] = {
    409: {"model": Problem, "description": "Its state forbids this now."}
}


def get_services(request: Request) -> Services:
    """The parts behind the routes."""
    services: Services = request.app.state.services
    return services


def get_caller(request: Request) -> Caller:
    """Who is calling; `AuthenticatedRoute` has put it there."""
    caller: Caller = request.state.caller
    return caller


ServicesDep = Annotated[Services, Depends(get_services)]
CallerDep = Annotated[Caller, Depends(get_caller)]


@dataclass(frozen=True)
class Access:
    """Both at once, for handlers that take much else."""

    services: ServicesDep
    caller: CallerDep


AccessDep = Annotated[Access, Depends()]


class AuthenticatedRoute(APIRoute):
    """Judges the token first: FastAPI would read and parse the body before a dependency runs."""

    async def identify(self, request: Request) -> Caller:
        """Who is calling. Raises: Unauthorized."""
        return await caller_of_connection(request, request.headers.get("authorization"))

    def get_route_handler(self) -> Handler:
        """The handler behind the check."""
        handle = super().get_route_handler()

        async def authenticated(request: Request) -> Response:
            caller = await self.identify(request)
            await get_services(request).rates.check(
                caller.owner, class_of(request.method, self.path)
            )
            request.state.caller = caller
            return in_wanted_form(request, self.path, await handle(request))

        return authenticated


def api_router(tag: str) -> APIRouter:
    """A router whose routes all need a caller."""
    return APIRouter(
        prefix="/api",
        tags=[tag],
        route_class=AuthenticatedRoute,
        dependencies=[Depends(_bearer)],  # for the OpenAPI page only
        responses=RESPONSES,
    )
