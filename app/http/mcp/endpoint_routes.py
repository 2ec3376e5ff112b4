"""`/mcp`: who is let in, and which methods it has."""

from http import HTTPStatus

from fastapi import APIRouter, Depends, Request, Response
from fastapi.security import HTTPBearer
from starlette.types import Receive, Scope, Send

from app.http.access import RESPONSES, ServicesDep
from app.http.rates.limits import RateClass
from app.services.mcp.endpoint import SESSION_HEADER, ForeignOrigin, McpEndpoint
from app.services.mcp.tokens import McpCaller

_bearer = HTTPBearer(
    auto_error=False,
    scheme_name="McpToken",
    description="From `POST /api/projects/{projectId}/mcp-token`.",
)

router = APIRouter(tags=["mcp"], responses=RESPONSES, dependencies=[Depends(_bearer)])


class _Served(Response):
    """What the SDK answers, written by itself."""

    def __init__(self, endpoint: McpEndpoint, caller: McpCaller, body: bytes) -> None:
        super().__init__()
        self._endpoint = endpoint
        self._caller = caller
        self._asked = body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request over."""
        await self._endpoint.answer(scope, receive, send, self._caller, self._asked)


async def let_in(request: Request, services: ServicesDep) -> McpCaller:
    """Who is asking. Raises: ForeignOrigin, Unauthorized, RateLimited."""
    origin = request.headers.get("origin")
    if origin is not None and origin not in services.mcp.origins:
        raise ForeignOrigin
    caller = await services.mcp.tokens.caller(request.headers.get("authorization"))
    await services.rates.check(caller.owner, RateClass.WRITES)
    return caller


@router.post("/mcp", response_class=Response)
async def ask_mcp(request: Request, services: ServicesDep) -> Response:
    """A message of the Model Context Protocol (streamable HTTP) to the tools of one project.

    The token says which. Protocols 2026-07-28 and 2025-11-25 and before; no session is kept.
    """
    caller = await let_in(request, services)
    return _Served(services.mcp, caller, await request.body())


@router.delete("/mcp", status_code=204, response_class=Response)
async def end_mcp_session(request: Request, services: ServicesDep) -> Response:
    """End the calls of a session, which a client of protocol 2025 does when it leaves."""
    caller = await let_in(request, services)
    await services.mcp.end_session(caller, request.headers.get(SESSION_HEADER, ""))
    return Response(status_code=HTTPStatus.NO_CONTENT)
