"""Every error leaves as `{"error": text, "code": word}`; a bug shows nothing of the inside."""

import logging
import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Literal

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.routing import Match

from app.http.front_end_words import said_to
from app.http.rates.limits import RateLimited
from app.identity.tokens import ForeignPage, Unauthorized
from app.services.engine import OperatorOnly
from app.services.mcp.endpoint import ForeignOrigin
from app.services.plans import PlanRequired
from app.settings import FrontEnd
from core.errors import Conflict, NotFound, Refused, Transient
from core.invalid import place_of, reason_of
from engine import BadToken
from store.errors import ProjectLimitReached, QuotaExceeded

log = logging.getLogger(__name__)

_HTTP_CODES = {
    HTTPStatus.UNAUTHORIZED: "unauthorized",
    HTTPStatus.FORBIDDEN: "forbidden",
    HTTPStatus.NOT_FOUND: "not_found",
    HTTPStatus.METHOD_NOT_ALLOWED: "method_not_allowed",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "body_too_large",
}
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class InvalidRequest(Refused):
    """A part of the request is not what the route takes."""

    code = "invalid_request"

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class BodyTooLarge(HTTPException):
    """The body goes past its limit.

    It is raised while the body is read, where FastAPI lets nothing through but an HTTPException.
    """

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"Body is larger than {limit_bytes} bytes",
            headers={"Connection": "close"},  # the rest of the body is never read
        )


class Problem(BaseModel):
    """What every error looks like."""

    error: str = Field(description="What is wrong, for people", examples=["Conversation not found"])
    code: str = Field(description="A stable word for programs", examples=["not_found"])
    field: str | None = Field(None, description="The part of the request that is wrong")
    message_id: str | None = Field(
        None, alias="messageId", description="The message that is in the way (409)"
    )
    current_usage: int | None = Field(
        None,
        alias="currentUsage",
        description="Projects that there are (403 project_limit), answers that run (429 "
        "quota_exceeded), bytes of files (403 quota_exceeded)",
    )
    limit: int | None = Field(None, description="How many of them there may be")
    quota: str | None = Field(None, description="Of what: runs, storage (quota_exceeded)")
    allowed: Literal[False] | None = Field(None, description="With `limit`: no project more")
    request_id: str | None = Field(
        None, alias="requestId", description="Quote it when you report a fault (500)"
    )


def problem(
    status: int,
    message: str,
    code: str,
    *,
    headers: Mapping[str, str] | None = None,
    extra: Mapping[str, object] | None = None,
) -> JSONResponse:
    """An error response; entries of `extra` that are None are left out."""
    content: dict[str, object] = {"error": message, "code": code}
    content |= {name: value for name, value in (extra or {}).items() if value is not None}
    return JSONResponse(content, status, headers=dict(headers or {}))


def status_of(error: Refused) -> int:
    """The HTTP status that says what kind of refusal this is."""
    match error:
        case (
            OperatorOnly()
            | ForeignOrigin()
            | ForeignPage()
            | PlanRequired()
            | ProjectLimitReached()
            | QuotaExceeded(quota="storage")  # waiting does not help
        ):
            return HTTPStatus.FORBIDDEN
        case Unauthorized() | BadToken():
            return HTTPStatus.UNAUTHORIZED
        case RateLimited() | QuotaExceeded():
            return HTTPStatus.TOO_MANY_REQUESTS
        case NotFound():
            return HTTPStatus.NOT_FOUND
        case Conflict():
            return HTTPStatus.CONFLICT
        case _:
            return HTTPStatus.BAD_REQUEST


async def on_refused(request: Request, error: Exception) -> JSONResponse:
    """The caller must change something (400, 401, 403, 404 or 409), or wait (429)."""
    if not isinstance(error, Refused):
        raise error
    headers: dict[str, str] = {}
    if isinstance(error, Unauthorized):
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, RateLimited):
        headers["Retry-After"] = str(error.retry_after_s)
    extra: dict[str, object] = {
        "field": getattr(error, "field", None),
        "messageId": getattr(error, "message_id", None),
    }
    if isinstance(error, ProjectLimitReached):
        extra |= {"allowed": False, "currentUsage": error.current_usage, "limit": error.limit}
    if isinstance(error, QuotaExceeded):
        extra |= {
            "quota": error.quota,
            "currentUsage": error.current_usage,
            "limit": error.limit,
        }
    status, text = said_to(request.app.state.front_end, error) or (status_of(error), str(error))
    return problem(status, text, error.code, headers=headers, extra=extra)


async def on_transient(_request: Request, error: Exception) -> JSONResponse:
    """Something behind us does not answer now: 503, and when to try again."""
    if not isinstance(error, Transient):
        raise error
    log.warning("request_postponed", extra={"code": error.code}, exc_info=error)
    retry_after_s = max(1, math.ceil(error.retry_after_s or 1))
    return problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "A service behind this one does not answer; try again",
        "unavailable",
        headers={"Retry-After": str(retry_after_s)},
    )


async def on_http(request: Request, error: Exception) -> JSONResponse:
    """Unknown routes, wrong methods, bodies that are too large or unreadable."""
    if not isinstance(error, HTTPException):
        raise error
    code = _HTTP_CODES.get(HTTPStatus(error.status_code), "invalid_request")
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(allowed_methods(request))
    return problem(error.status_code, str(error.detail), code, headers=headers)


def allowed_methods(request: Request) -> list[str]:
    """What the path takes; Starlette names the methods of the first route that has the path."""
    routes = request.app.routes
    return [
        method
        for method in _METHODS
        if any(
            route.matches({**request.scope, "method": method})[0] is Match.FULL for route in routes
        )
    ]


async def on_invalid(_request: Request, error: Exception) -> JSONResponse:
    """400 with the first field that is wrong; what was sent is never repeated."""
    if not isinstance(error, RequestValidationError):
        raise error
    first: dict[str, Any] = error.errors()[0]
    if first["type"] == "json_invalid":
        return problem(HTTPStatus.BAD_REQUEST, "Body is not valid JSON", "malformed_json")
    place, *path = (str(part) for part in first["loc"])
    field = place_of(path)
    if not field:
        return problem(HTTPStatus.BAD_REQUEST, "Body must be a JSON object", "invalid_request")
    where = "" if place == "body" else f" ({place})"
    text = f"{field}{where}: {reason_of(first)}"
    return problem(HTTPStatus.BAD_REQUEST, text, "invalid_request", extra={"field": field})


def add_error_handlers(app: FastAPI, *, front_end: FrontEnd | None = None) -> None:
    """Teach `app` the shapes above, in the words of the front end that it is for.

    `RequestFrame`, around everything, catches bugs.
    """
    app.state.front_end = front_end
    app.add_exception_handler(Refused, on_refused)
    app.add_exception_handler(Transient, on_transient)
    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(RequestValidationError, on_invalid)
