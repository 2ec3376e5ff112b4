"""GitHub: repositories become projects, projects go to repositories."""

from app.http.github.routes import router

__all__ = ["router"]
