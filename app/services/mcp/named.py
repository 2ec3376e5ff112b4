"""The MCP servers that a project names: kept with their secrets sealed, shown without them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from core.errors import Refused
from core.ids import OwnerId, ProjectId
from engine.storage.encryption import Encryption
from store.gateway import Store
from store.records import McpServer


class NoKey(Refused):
    """Secrets cannot be kept here."""

    code = "secrets_not_kept"

    def __init__(self) -> None:
        super().__init__(
            "This installation has no key to keep values of env and headers with: its operator has "
            "to set POLARIS_ENGINE_KEYS"
        )


class NoSuchSecret(Refused):
    """A value is to be kept that is not there."""

    code = "no_such_secret"

    def __init__(self, server: str, name: str) -> None:
        super().__init__(f"mcpServers.{server}: {name} has no value yet that null could keep")


@dataclass(frozen=True)
class GivenServer:
    """A server as a person names it. A secret of None is kept as it is."""

    command: str | None = None
    args: tuple[str, ...] = ()
    url: str | None = None
    secrets: Mapping[str, str | None] = field(default_factory=dict[str, str | None], repr=False)
    """Of its environment where it is a program, else of its headers."""


class NamedServers:
    """Reads and replaces the servers of a project.

    Args:
        sealing: the key of secrets; None: none are taken.
    """

    def __init__(self, store: Store, sealing: Encryption | None) -> None:
        self._store = store
        self._sealing = sealing

    async def listed(self, project_id: ProjectId, *, owner: OwnerId) -> tuple[McpServer, ...]:
        """The servers, with values that are sealed. Raises: NotFound."""
        return await self._store.mcp.servers(project_id, owner=owner)

    async def replace(
        self, project_id: ProjectId, servers: Mapping[str, GivenServer], *, owner: OwnerId
    ) -> tuple[McpServer, ...]:
        """Replace them all.

        Raises:
            NotFound: not the owner's project.
            NoKey: secrets were given, and cannot be kept.
            NoSuchSecret: a value is to be kept that is not there.
        """
        known = {server.name: server for server in await self.listed(project_id, owner=owner)}
        rows = [self._row(name, given, known.get(name)) for name, given in servers.items()]
        await self._store.mcp.set_servers(project_id, rows, owner=owner)
        return tuple(rows)

    def _row(self, name: str, given: GivenServer, known: McpServer | None) -> McpServer:
        is_program = given.command is not None
        before: Mapping[str, str] = {}
        if known is not None and (known.command is not None) == is_program:
            before = (known.env if is_program else known.headers) or {}
        sealed = {
            key: self._sealed(value) if value is not None else _kept(name, key, before)
            for key, value in given.secrets.items()
        }
        return McpServer(
            name,
            command=given.command,
            args=given.args if is_program else None,
            env=sealed if is_program else None,
            url=given.url,
            headers=None if is_program else sealed,
        )

    def _sealed(self, value: str) -> str:
        if self._sealing is None:
            raise NoKey
        return self._sealing.seal(value)


def _kept(server: str, key: str, before: Mapping[str, str]) -> str:
    if key not in before:
        raise NoSuchSecret(server, key)
    return before[key]
