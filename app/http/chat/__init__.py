"""The door for `useChat` of the AI SDK: answers as UI message streams."""

from app.http.chat.routes import router

__all__ = ["router"]
