"""The MCP servers that a project names: routes, and what goes in and comes out."""

import re
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from app.http.access import CallerDep, ServicesDep, api_router
from app.services.mcp.named import GivenServer
from app.wire.shapes import Answer, Body
from core.ids import ProjectId
from store.records import McpServer

router = api_router("mcp")

MAX_SERVERS = 10
MAX_SECRETS = 32

Argument = Annotated[str, Field(max_length=2_000, pattern=r"^[^\x00-\x1f\x7f]*$")]
Secret = Annotated[str, Field(max_length=4_000, pattern=r"^[^\x00-\x1f\x7f]*$")]
ServerName = Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,32}$")]
Variable = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,63}$")]
Header = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9-]{0,63}$")]

_OF_THE_PROTOCOL = re.compile(
    r"(host|content-.*|transfer-encoding|connection|accept.*|mcp-.*|last-event-id)", re.IGNORECASE
)


class McpServerBody(Body):
    """A server: a program with `command`, which runs in the sandbox, or an address with `url`."""

    type: Literal["stdio", "http"] | None = None
    command: Annotated[Argument, Field(min_length=1, examples=["npx"])] | None = None
    args: tuple[Argument, ...] = Field((), max_length=64, examples=[["-y", "some-server"]])
    env: dict[Variable, Secret | None] = Field(default={}, max_length=MAX_SECRETS)
    url: Annotated[str, Field(min_length=1, max_length=2_000)] | None = None
    headers: dict[Header, Secret | None] = Field(default={}, max_length=MAX_SECRETS)

    @field_validator("url")
    @classmethod
    def _is_of_the_web(cls, value: str | None) -> str | None:
        if value is None:
            return value
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("has to begin with https:// or http://")
        if parts.username is not None or parts.password is not None:
            raise ValueError("must have no user name or password; use headers")
        return value

    @field_validator("headers")
    @classmethod
    def _are_free(cls, value: dict[str, str | None]) -> dict[str, str | None]:
        if any(_OF_THE_PROTOCOL.fullmatch(name) for name in value):
            raise ValueError("must not have those that the protocol itself sets")
        if len({name.lower() for name in value}) < len(value):
            raise ValueError("must not have one of them twice")
        return value

    @model_validator(mode="after")
    def _is_one_of_both(self) -> Self:
        if (self.command is None) == (self.url is None):
            raise ValueError("needs a command or a url, and not both")
        if self.type is not None and (self.type == "stdio") != (self.command is not None):
            raise ValueError("has a type that does not fit: stdio has a command, http a url")
        if self.command is not None and self.headers:
            raise ValueError("has a command, so it has env instead of headers")
        if self.url is not None and (self.env or self.args):
            raise ValueError("has a url, so it has headers instead of env and args")
        return self

    def given(self) -> GivenServer:
        """As it is kept."""
        secrets = self.env if self.command is not None else self.headers
        return GivenServer(self.command, self.args, self.url, secrets)


class McpServersBody(Body):
    """The servers of a project by name, as in a `.mcp.json`."""

    mcp_servers: dict[ServerName, McpServerBody] = Field(max_length=MAX_SERVERS)


class McpServerAnswer(Answer):
    """A server, with the names of its secrets and null for their values."""

    type: Literal["stdio", "http"]
    command: str | None = None
    args: tuple[str, ...] | None = None
    env: dict[str, None] | None = None
    url: str | None = None
    headers: dict[str, None] | None = None


class McpServersAnswer(Answer):
    """The servers of a project by name."""

    mcp_servers: dict[str, McpServerAnswer]


@router.get("/projects/{project_id}/mcp-servers", response_model_exclude_unset=True)
async def get_mcp_servers(
    project_id: ProjectId, services: ServicesDep, caller: CallerDep
) -> McpServersAnswer:
    """The MCP servers that a project names. Values of `env` and `headers` are never shown."""
    return _answer(await services.mcp_servers.listed(project_id, owner=caller.owner))


@router.put("/projects/{project_id}/mcp-servers", response_model_exclude_unset=True)
async def replace_mcp_servers(
    project_id: ProjectId, body: McpServersBody, services: ServicesDep, caller: CallerDep
) -> McpServersAnswer:
    """Replace the MCP servers that a project names; runs that begin from now on have their tools.

    Values of `env` and `headers` are encrypted; null keeps the one that is there.
    """
    given = {name: server.given() for name, server in body.mcp_servers.items()}
    replaced = await services.mcp_servers.replace(project_id, given, owner=caller.owner)
    return _answer(replaced)


def _answer(servers: tuple[McpServer, ...]) -> McpServersAnswer:
    return McpServersAnswer(mcp_servers={server.name: _shown(server) for server in servers})


def _shown(server: McpServer) -> McpServerAnswer:
    if server.command is not None:
        return McpServerAnswer(
            type="stdio",
            command=server.command,
            args=server.args or (),
            env=dict.fromkeys(server.env or {}),
        )
    return McpServerAnswer(type="http", url=server.url, headers=dict.fromkeys(server.headers or {}))
