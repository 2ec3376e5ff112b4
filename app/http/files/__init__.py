"""Files: a project's tree, and files by path."""

from app.http.files.routes import router

__all__ = ["router"]
