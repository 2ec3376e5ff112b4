"""MCP: the tools of a project for whoever has its token, and that token."""

from fastapi import APIRouter

from app.http.mcp import endpoint_routes, token_routes

router = APIRouter()
router.include_router(token_routes.router)
router.include_router(endpoint_routes.router)
