"""The HTTP application: routes, what surrounds them, errors, the OpenAPI page."""

from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from app.http import (
    account,
    archives,
    asks,
    attachments,
    chat,
    checkpoints,
    completing,
    conversations,
    convex,
    docs,
    events,
    files,
    following,
    front_ends,
    generate,
    github,
    health,
    inngest,
    jobs,
    lsp,
    mcp,
    messages,
    metrics,
    models,
    pages,
    previews,
    processes,
    project_settings,
    projects,
    realtime,
    runs,
    search,
    session,
    terminal,
    trigger,
    usage,
)
from app.http.context import Services
from app.http.errors import add_error_handlers
from app.http.middleware import BodyLimit, Lingering, LocalHosts, RequestFrame, StorableTexts
from app.settings import Settings
from core.clock import Clock

_DESCRIPTION = """\
A person types into a chat panel, and an agent edits their project, live. Everything that takes
long is a durable job: `POST /api/messages` returns at once, and the answer is followed through
Convex's live queries
(`messages:deltas`, `messages:list`) or `GET /api/messages/{messageId}/deltas`.

Every error is `{"error": "<text for people>", "code": "<word for programs>"}`.
"""


MCP_HEADERS = ("Mcp-Session-Id", "MCP-Protocol-Version", "Mcp-Method", "Mcp-Name")

# The page of the API shows them in this order. Convex is not on it, and is asked most often.
NOUNS = (
    front_ends,  # its fixed words stand before `/projects/{id}`
    convex,
    projects,
    project_settings,
    generate,
    files,
    search,
    checkpoints,
    archives,
    github,
    conversations,
    following,
    messages,
    attachments,
    asks,
    chat,
    completing,
    models,
    usage,
    account,
    mcp,
    runs,
    events,
    jobs,
    metrics,
    realtime,
    terminal,
    lsp,
    previews,
    processes,
    session,
    inngest,
    trigger,
    health,
    docs,
    pages,
)


class _Application(FastAPI):
    """FastAPI, whose OpenAPI page says what really happens: a wrong request is 400, never 422."""

    def openapi(self) -> dict[str, Any]:
        """The document, made once."""
        if self.openapi_schema is None:
            document = super().openapi()
            for methods in document["paths"].values():
                for operation in methods.values():
                    operation["responses"].pop("422", None)
            for name in ("HTTPValidationError", "ValidationError"):
                document["components"]["schemas"].pop(name, None)
            self.openapi_schema = document
        return self.openapi_schema


def create_application(services: Services, settings: Settings, clock: Clock) -> FastAPI:
    """The ASGI application over `services`, which the caller has started and will stop."""
    app = _Application(
        title="Polaris",
        version=version("polaris"),
        description=_DESCRIPTION,
        docs_url=None,  # FastAPI's page loads from other hosts; ours is in app/http/docs.py
        redoc_url=None,
        separate_input_output_schemas=False,
    )
    app.state.services = services
    app.state.origins = frozenset(settings.cors_origins)
    app.state.convex_sockets = set[object]()
    for noun in NOUNS:
        app.include_router(noun.router)
    add_error_handlers(app, front_end=settings.front_end)
    # The last one added is the outermost: a page must be able to read a 500 as well.
    app.add_middleware(
        BodyLimit,
        limit_bytes=settings.body_limit_bytes,
        file_limit_bytes=settings.file_limit_bytes,
        archive_limit_bytes=settings.archive_limit_bytes,
    )
    app.add_middleware(StorableTexts)
    if settings.auth_issuer is None:
        app.add_middleware(LocalHosts)
    app.add_middleware(RequestFrame, clock=clock)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.cors_origins),
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=[
                "Authorization",
                "Content-Type",
                "Convex-Client",
                "Idempotency-Key",
                "X-Request-Id",
                *MCP_HEADERS,
            ],
            expose_headers=["X-Request-Id", "Retry-After", "Mcp-Session-Id"],
            allow_credentials=True,  # session cookies; the origins are named one by one
            max_age=600,
        )
    app.add_middleware(Lingering)
    return app
