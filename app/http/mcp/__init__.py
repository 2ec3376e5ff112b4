"""MCP: the tools of a project for whoever has its token, that token, and servers it names."""

from fastapi import APIRouter

from app.http.mcp import endpoint_routes, server_routes, token_routes

router = APIRouter()
router.include_router(server_routes.router)
router.include_router(token_routes.router)
router.include_router(endpoint_routes.router)
