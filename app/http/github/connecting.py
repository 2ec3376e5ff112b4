"""Routes by which people connect their GitHub account, in a browser or by a code, and let it go."""

from typing import Annotated
from urllib.parse import parse_qsl, urlencode, urlsplit

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import PlainTextResponse, RedirectResponse
from fastapi.security import APIKeyCookie

from app.http.access import CONFLICT, RESPONSES, CallerDep, ServicesDep, api_router
from app.http.github.wire import (
    TEXT_LIMIT_CHARS,
    BegunAnswer,
    BegunDeviceAnswer,
    ConnectBody,
    ConnectedAnswer,
    DeviceBody,
    DisconnectedAnswer,
    PolledAnswer,
    ReturnBody,
    ReturnTo,
)
from app.http.rates.limits import RateClass
from app.services.connecting import LOGIN_LIFE, Begun, Connected
from core.errors import Refused, Transient

CALLBACK = "/api/github/callback"
COOKIE = "polaris_github_login"

router = api_router("github")
callback_router = APIRouter(prefix="/api", tags=["github"], responses=RESPONSES)
_cookie = APIKeyCookie(
    name=COOKIE, auto_error=False, description="Given by /api/github/connect to the same browser."
)


@router.post("/github/connect", response_model_exclude_none=True)
async def connect(
    body: ConnectBody,
    request: Request,
    response: Response,
    services: ServicesDep,
    caller: CallerDep,
) -> BegunAnswer:
    """Begin to connect the caller's account: send the browser to `url`.

    It comes back to `/api/github/callback` with the cookie of this answer; or to a page of yours,
    which hands in what it was given with `POST /api/github/callback`.
    """
    begun = services.connecting.begin(caller.owner, body.return_to)
    _give_cookie(response, begun, request)
    return BegunAnswer.model_validate(begun)


@router.get("/github/connect", status_code=302, response_class=RedirectResponse)
async def connect_by_redirect(
    request: Request,
    services: ServicesDep,
    caller: CallerDep,
    return_to: Annotated[ReturnTo | None, Query(alias="returnTo")] = None,
) -> RedirectResponse:
    """As `POST`, answered with a redirect to GitHub."""
    begun = services.connecting.begin(caller.owner, return_to)
    response = RedirectResponse(begun.url, 302)
    _give_cookie(response, begun, request)
    return response


@callback_router.get(
    "/github/callback",
    response_class=PlainTextResponse,
    responses={303: {"description": "To `returnTo`, with `github=connected` or `github=failed`."}},
)
async def callback(
    services: ServicesDep,
    browser: Annotated[str | None, Depends(_cookie)],
    state: Annotated[str, Query(max_length=TEXT_LIMIT_CHARS)],
    code: Annotated[str | None, Query(max_length=TEXT_LIMIT_CHARS)] = None,
    error: Annotated[str | None, Query(max_length=TEXT_LIMIT_CHARS)] = None,
) -> Response:
    """Where GitHub sends the browser. It needs the cookie of the browser that has begun.

    So nobody can have another person's browser connect an account for them.
    """
    login = services.connecting.returned(state, browser=browser)
    await services.rates.check(login.owner, RateClass.WRITES)
    try:
        found = await services.connecting.complete(login, code=code, error=error)
    except (Refused, Transient) as problem:
        if login.back is None:
            raise
        failed = {"github": "failed", "code": problem.code, "error": str(problem)}
        return _back_to(login.back, failed)
    if login.back is not None:
        return _back_to(login.back, {"github": "connected"})
    text = f"The GitHub account {found.username} is connected. You can close this page.\n"
    response = PlainTextResponse(text)
    response.delete_cookie(COOKIE, path=CALLBACK)
    return response


@router.post("/github/callback", response_model_exclude_none=True)
async def hand_in(body: ReturnBody, services: ServicesDep, caller: CallerDep) -> ConnectedAnswer:
    """Connect the account with what GitHub has sent to a page of yours.

    Only the person who has begun the login can end it.
    """
    login = services.connecting.returned_to(caller.owner, body.state)
    found = await services.connecting.complete(login, code=body.code, error=body.error)
    return ConnectedAnswer.model_validate(found)


@router.post("/github/connect/device", response_model_exclude_none=True)
async def connect_device(services: ServicesDep, caller: CallerDep) -> BegunDeviceAnswer:
    """Begin to connect the caller's account by a code, which they type in at `verificationUri`."""
    return BegunDeviceAnswer.model_validate(await services.connecting.begin_device(caller.owner))


@router.post("/github/connect/device/poll", response_model_exclude_none=True)
async def poll_device(body: DeviceBody, services: ServicesDep, caller: CallerDep) -> PolledAnswer:
    """Whether the code was typed in. Ask again after the `intervalS` seconds of each answer."""
    found = await services.connecting.poll(caller.owner, body.device)
    if isinstance(found, Connected):
        return PolledAnswer.model_validate(
            {"status": "connected", **ConnectedAnswer.model_validate(found).model_dump()}
        )
    return PolledAnswer(status="pending", interval_s=found.interval_s)


@router.delete("/github/connection", responses=CONFLICT)
async def disconnect(services: ServicesDep, caller: CallerDep) -> DisconnectedAnswer:
    """Forget the caller's account, and end its token at GitHub."""
    return DisconnectedAnswer(revoked=await services.connecting.disconnect(caller.owner))


def _give_cookie(response: Response, begun: Begun, request: Request) -> None:
    response.set_cookie(
        COOKIE,
        begun.browser,
        max_age=int(LOGIN_LIFE.total_seconds()),
        path=CALLBACK,
        secure=begun.is_https or request.url.scheme == "https",
        httponly=True,
        samesite="lax",  # GitHub sends the browser here: a navigation from another site
    )


def _back_to(address: str, said: dict[str, str]) -> RedirectResponse:
    """To where the login was to end, with how it did."""
    parts = urlsplit(address)
    query = urlencode([*parse_qsl(parts.query, keep_blank_values=True), *said.items()])
    response = RedirectResponse(parts._replace(query=query).geturl(), 303)
    response.delete_cookie(COOKIE, path=CALLBACK)
    return response
