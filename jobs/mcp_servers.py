"""The tools of the MCP servers that a run's project names."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from agent.durable import Durable
from core.errors import Refused
from core.ids import OwnerId, ProjectId
from engine.storage.encryption import Tampered
from jobs.files.folders import ProjectFolders
from store.gateway import Store
from store.records import McpServer as NamedServer
from tools.mcp.clients import McpClients
from tools.mcp.config import McpFailed, McpServer, ProgramServer, WebServer
from tools.mcp.offered import Listed
from tools.mcp.tool import tool_of
from tools.sandbox.registries import Registries
from tools.tool import AnyTool

log = logging.getLogger(__name__)

Unseal = Callable[[str], str]
"""Opens a secret. Raises: Refused, Tampered."""


@dataclass(frozen=True)
class ServerTools:
    """What a run has of its project's servers: tools, and a remark for its system prompt."""

    tools: tuple[AnyTool, ...] = ()
    remark: str = ""


class ProjectServers:
    """Asks the servers of a project for their tools, once a run.

    Args:
        folders: where the files of projects are, which programs see.
        clients: what talks to servers.
        unseal: how secrets are read; None where there is no key.
    """

    def __init__(
        self,
        store: Store,
        folders: ProjectFolders,
        clients: McpClients,
        unseal: Unseal | None,
    ) -> None:
        self._store = store
        self._folders = folders
        self._clients = clients
        self._unseal = unseal

    async def tools_of(
        self, project_id: ProjectId, *, owner: OwnerId, registries: Registries, steps: Durable
    ) -> ServerTools:
        """The tools, the same when the run is played again: the step "mcp-tools" has the list.

        A server that fails takes its own tools away, and the remark says why. Programs reach those
        `registries`.
        """

        async def listed() -> Listed:
            folder = self._folders.folder(project_id, owner=owner)
            await folder.pull()  # a server may be one of the project's own files
            named = await self._store.mcp.servers(project_id, owner=owner)
            usable: list[McpServer] = []
            problems: list[str] = []
            for server in named:
                try:
                    usable.append(self._opened(server, registries))
                except McpFailed as failed:
                    problems.append(str(failed))
            found = await self._clients.list(folder.path, usable)
            return Listed(found.tools, (*problems, *found.problems))

        async def server_of(name: str) -> McpServer | None:
            named = await self._store.mcp.servers(project_id, owner=owner)
            return next(
                (self._opened(server, registries) for server in named if server.name == name), None
            )

        known = await steps.run("mcp-tools", listed)
        tools = tuple(tool_of(each, server_of) for each in known.tools)
        return ServerTools(tools, _remark(known.problems))

    def _opened(self, server: NamedServer, registries: Registries) -> McpServer:
        try:
            secrets = {
                name: self._secret(value)
                for name, value in (server.env or server.headers or {}).items()
            }
        except (Refused, Tampered, LookupError) as error:
            log.warning("mcp_secret_not_read", extra={"server": server.name})
            raise McpFailed(
                f"The MCP server {server.name!r} cannot be asked: its secrets cannot be read with "
                "the keys of this worker. The user has to give them again."
            ) from error
        if server.command is not None:
            return ProgramServer(
                server.name, server.command, server.args or (), secrets, registries
            )
        return WebServer(server.name, server.url or "", secrets)

    def _secret(self, value: str) -> str:
        if self._unseal is None:
            raise LookupError("there is no key")
        return self._unseal(value)


def _remark(problems: Sequence[str]) -> str:
    if not problems:
        return ""
    lines = "\n".join(f"- {problem}" for problem in problems)
    return (
        "\nTools of MCP servers that this project names are missing in this run. Tell the user if "
        f"that is in the way of the task:\n{lines}\n"
    )
