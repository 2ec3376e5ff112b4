"""How large a body may be."""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.http.errors import BodyTooLarge, problem
from app.services.attaching import MAX_IMAGE_BYTES

ARCHIVES = "/api/projects/import"
CHAT = "/api/chat"
CHAT_BYTES = 4 * MAX_IMAGE_BYTES  # useChat posts all of a chat each time, images in base64
CONVEX_BYTES = 20 * 1024 * 1024  # as Convex: of an HTTP action; 16 MiB of a function


class BodyLimit:
    """Refuses a body past its limit: by its declared length, else while it is read.

    FastAPI's own `max_body_size` answers in plain text and has one bound for all routes.
    """

    def __init__(
        self, app: ASGIApp, limit_bytes: int, file_limit_bytes: int, archive_limit_bytes: int
    ) -> None:
        self._app = app
        self._limit_bytes = limit_bytes
        self._file_limit_bytes = file_limit_bytes
        self._archive_limit_bytes = archive_limit_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102 - ASGI
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit_bytes = self._limit_of(scope["path"])
        declared = Headers(scope=scope).get("content-length", "0")
        if declared.isdecimal() and int(declared) > limit_bytes:
            refusal = BodyTooLarge(limit_bytes)
            response = problem(
                refusal.status_code, refusal.detail, "body_too_large", headers=refusal.headers
            )
            await response(scope, receive, send)
            return
        read_bytes = 0

        async def counted_receive() -> Message:
            nonlocal read_bytes
            message = await receive()
            if message["type"] == "http.request":
                read_bytes += len(message.get("body", b""))
                if read_bytes > limit_bytes:
                    raise BodyTooLarge(limit_bytes)
            return message

        await self._app(scope, counted_receive, send)

    def _limit_of(self, path: str) -> int:
        if path.startswith("/convex/"):
            is_upload = path.startswith("/convex/api/storage/")
            return max(CONVEX_BYTES, self._archive_limit_bytes if is_upload else 0)
        if path == CHAT:
            return max(CHAT_BYTES, self._limit_bytes)
        if path == ARCHIVES:
            return self._archive_limit_bytes
        if path.startswith("/api/projects/") and path.endswith("/attachments"):
            return MAX_IMAGE_BYTES
        carries_file = path == "/mcp" or (path.startswith("/api/projects/") and "/files" in path)
        return self._file_limit_bytes if carries_file else self._limit_bytes
