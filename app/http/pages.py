"""The web page: its files, as the set-up has built them, and the policy under which they run."""

import re
import secrets
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse, HTMLResponse

from app.http.access import ServicesDep
from core.errors import NotFound

router = APIRouter(include_in_schema=False)

_BUILT = Path(__file__).parents[2] / "web" / "dist"
_NONCE = "__NONCE__"  # of web/vite.config.ts
_ASSET = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+\Z")
_HOST = re.compile(r"[A-Za-z0-9.-]+(:[0-9]+)?\Z")  # no word of a policy
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
async def page(services: ServicesDep) -> Response:
    """The page; which of its routes is shown, its script reads from the address."""
    nonce = secrets.token_urlsafe(16)
    previews = _previews_below(services.previews.origin)
    facts = services.session
    issuers = () if facts.client_id is None else _origins_of(facts.issuer)
    policy = _policy(nonce, frames=("'self'", *previews), connections=("'self'", *issuers))
    return HTMLResponse(
        _built("index.html").replace(_NONCE, nonce), headers={"Content-Security-Policy": policy}
    )


@router.get("/terminal")
async def terminal() -> Response:
    """The frame of a terminal, for pages of this origin alone.

    Xterm writes styles into the document and on elements; no text from outside becomes HTML there.
    """
    policy = "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self' 'unsafe-inline'",
            "connect-src 'self'",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'self'",
        )
    )
    html = _built("terminal.html").replace(f' nonce="{_NONCE}"', "")
    headers = {"Content-Security-Policy": policy, "X-Frame-Options": "SAMEORIGIN"}
    return HTMLResponse(html, headers=headers)


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


def _origins_of(issuer: str | None) -> tuple[str, ...]:
    """Where a page that signs people in asks for what the issuer is and for its tokens."""
    parts = urlsplit(issuer or "")
    return (f"{parts.scheme}://{parts.netloc}",) if _HOST.match(parts.netloc) else ()


def _previews_below(origin: str | None) -> tuple[str, ...]:
    """The origins of previews, each of which is a host below `origin`, as a policy names them."""
    if origin is None:
        return ()
    scheme, host = origin.split("://", 1)
    return (f"{scheme}://*.{host}",)


def _built(name: str) -> str:
    """A page as the set-up has built it. Raises: NotFound."""
    try:
        return (_BUILT / name).read_text()
    except FileNotFoundError:
        raise NotFound("The web page is not built here; `make setup` builds it") from None


def _policy(nonce: str, *, frames: Iterable[str], connections: Iterable[str]) -> str:
    """Scripts and styles of this origin alone; the nonce is for the editor's styles."""
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            f"style-src 'self' 'nonce-{nonce}'",
            f"connect-src {' '.join(connections)}",
            "img-src 'self' data: blob:",
            f"frame-src {' '.join(frames)}",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )
