"""Inngest's event API: their SDKs send events to us, and look at what these started."""

from app.http.inngest.routes import router

__all__ = ["router"]
