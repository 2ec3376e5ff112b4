"""GitHub: repositories become projects, projects go to repositories, accounts are connected."""

from fastapi import APIRouter

from app.http.github.connecting import callback_router
from app.http.github.connecting import router as connecting_router
from app.http.github.routes import router as transfers_router

__all__ = ["router"]

router = APIRouter()
for part in (transfers_router, connecting_router, callback_router):
    router.include_router(part)
