"""What a project has to do with MCP: servers that it names, and whose token one is."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from core.ids import OwnerId, ProjectId
from store.records.projects import ProjectSettings


@dataclass(frozen=True)
class McpServer:
    """A server that a project names: a program (`command`) or an address (`url`).

    Values of `env` and `headers` are sealed: only a process with the key can read them.
    """

    name: str
    command: str | None = None
    args: tuple[str, ...] | None = None
    env: Mapping[str, str] | None = None
    url: str | None = None
    headers: Mapping[str, str] | None = None


@dataclass(frozen=True)
class McpHolder:
    """Whose project a token is for, and what that has chosen."""

    project_id: ProjectId
    owner_id: OwnerId
    settings: ProjectSettings = field(default_factory=ProjectSettings)
