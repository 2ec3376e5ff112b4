"""The web page: its files, as the set-up has built them, and the policy under which they run."""

import re
import secrets
from pathlib import Path

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse, HTMLResponse

from core.errors import NotFound

router = APIRouter(include_in_schema=False)

_BUILT = Path(__file__).parents[2] / "web" / "dist"
_NONCE = "__NONCE__"  # of web/vite.config.ts
_ASSET = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+\Z")
_KINDS = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
_FOREVER = "public, max-age=31536000, immutable"  # a name has the hash of its content in it


@router.get("/")
@router.get("/p/{project}")
@router.get("/p/{project}/c/{conversation}")
@router.get("/runs")
@router.get("/runs/{run:path}")
@router.get("/events")
@router.get("/events/{event:path}")
@router.get("/jobs")
@router.get("/metrics")
async def page() -> Response:
    """The page; which of its routes is shown, its script reads from the address."""
    try:
        html = (_BUILT / "index.html").read_text()
    except FileNotFoundError:
        raise NotFound("The web page is not built here; `make setup` builds it") from None
    nonce = secrets.token_urlsafe(16)
    return HTMLResponse(
        html.replace(_NONCE, nonce), headers={"Content-Security-Policy": _policy(nonce)}
    )


@router.get("/assets/{name}")
async def asset(name: str, request: Request) -> Response:
    """A script, a style or an icon, compressed where the browser takes that."""
    path = _BUILT / "assets" / name
    kind = _KINDS.get(path.suffix)
    if kind is None or not _ASSET.match(name) or not path.is_file():
        raise NotFound("No such file of the web page; reload it")
    headers = {"Cache-Control": _FOREVER, "Vary": "Accept-Encoding"}
    packed = path.with_name(f"{name}.gz")
    if "gzip" in request.headers.get("accept-encoding", "") and packed.is_file():
        return FileResponse(
            packed, media_type=kind, headers={**headers, "Content-Encoding": "gzip"}
        )
    return FileResponse(path, media_type=kind, headers=headers)


def _policy(nonce: str) -> str:
    """Scripts, styles, connections of this origin alone; the nonce is for the editor's styles."""
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            f"style-src 'self' 'nonce-{nonce}'",
            "connect-src 'self'",
            "img-src 'self' data: blob:",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )
