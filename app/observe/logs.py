"""Logs: events with fields, on stderr; stdout belongs to what programs read."""

import json
import logging
import re
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any, Literal

from core.text import CONTROLS

request_id_now: ContextVar[str] = ContextVar("request_id_now", default="")
"""The id of the request that this task serves; empty outside of one."""
_about_now: ContextVar[Mapping[str, str]] = ContextVar("about_now", default=MappingProxyType({}))


@contextmanager
def about(fields: Mapping[str, str]) -> Generator[None]:
    """Fields of every line that this task logs meanwhile; a line's own go before."""
    token = _about_now.set(fields)
    try:
        yield
    finally:
        with suppress(ValueError):  # another context closes what its loop has left suspended
            _about_now.reset(token)


_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {
    "message",
    "asctime",
    "taskName",
    "color_message",  # uvicorn's
}
_QUIET = (
    "dbos",
    "httpx2",
    "httpcore2",
    "openai",  # this SDK and the next log whole requests at DEBUG
    "anthropic",
    "aiohttp.access",
    "uvicorn.access",
    "watchfiles",
)

# Halves of characters are shown as what they are: whoever reads a log looks for them.
_UNPRINTABLE = re.compile(f"[{CONTROLS}\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    """The text without line ends, terminal codes and marks that turn a text round.

    Paths and other people's texts are in log lines.
    """
    return _UNPRINTABLE.sub(lambda found: ascii(found[0])[1:-1], text)


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    fields = {name: value for name, value in vars(record).items() if name not in _STANDARD}
    if (request_id := request_id_now.get()) and "request_id" not in fields:
        fields["request_id"] = request_id
    return {**_about_now.get(), **fields}


class TextFormatter(logging.Formatter):
    """`12:00:01 INFO  run_finished run_id=… took_s=3.2 [jobs.reaper]`."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(message)s", "%H:%M:%S")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """The line without a traceback."""
        fields = "".join(f" {name}={value}" for name, value in _fields(record).items())
        return printable(f"{super().formatMessage(record)}{fields} [{record.name}]")


class JsonFormatter(logging.Formatter):
    """One JSON object a line: ts, level, logger, event, the fields, and error with a traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line: dict[str, Any] = {
            "ts": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname,
            "logger": record.name,
            "event": record.getMessage(),
            **_fields(record),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)


def set_up_logging(level: str, style: Literal["text", "json"]) -> None:
    """Send every log line of this process to stderr; libraries' chatter only from WARNING up."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if style == "json" else TextFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
