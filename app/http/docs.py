"""`/docs`: every route with its schemas, to be read and tried; nothing is from another host."""

from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse

router = APIRouter(include_in_schema=False)

_FOLDER = Path(__file__).with_name("docs_page")
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)


@router.get("/docs")
async def page() -> FileResponse:
    """The page; it reads `/openapi.json`."""
    return FileResponse(_FOLDER / "page.html", headers={"Content-Security-Policy": _POLICY})


@router.get("/docs/page.js")
async def script() -> FileResponse:
    """What the page runs."""
    return FileResponse(_FOLDER / "page.js", media_type="text/javascript")


@router.get("/docs/page.css")
async def style() -> FileResponse:
    """How the page looks."""
    return FileResponse(_FOLDER / "page.css", media_type="text/css")
