"""Messages: sent, followed, cancelled, retried."""

from app.http.messages.routes import router

__all__ = ["router"]
