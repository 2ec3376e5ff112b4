"""An MCP server as it is started or asked; its secrets are open here, and nowhere else."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from core.errors import Refused
from tools.sandbox.registries import ALL, Registries


@dataclass(frozen=True)
class ProgramServer:
    """A program that speaks over its standard streams; it runs in the project's sandbox.

    `registries` are those that it may reach there.
    `env` and `headers` below are left out of every text about them.
    """

    name: str
    command: str
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    registries: Registries = ALL


@dataclass(frozen=True)
class WebServer:
    """A server on the internet that speaks streamable HTTP."""

    name: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)


McpServer = ProgramServer | WebServer


class McpFailed(Refused):
    """A server did not do what it was asked; the text says which, what is true now, what to try."""

    code = "mcp_failed"


def fingerprint(server: McpServer) -> str:
    """What is the same for the same settings, and tells nothing of them."""
    match server:
        case ProgramServer():
            only = server.registries.only
            reached = None if only is None else sorted(only)
            parts = ["program", server.command, list(server.args), dict(server.env), reached]
        case WebServer():
            parts = ["web", server.url, dict(server.headers)]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
