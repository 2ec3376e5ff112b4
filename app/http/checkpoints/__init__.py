"""Checkpoints: what the agent has changed, turn by turn; undoing it, as a whole or by hunk."""

from app.http.checkpoints.routes import router

__all__ = ["router"]
