"""MCP: the servers that a project names, the token of its own tools, and what they change."""

from collections.abc import Sequence

from core.errors import Refused
from core.ids import OwnerId, ProjectId, ToolCallId
from store.client import ConvexHttp
from store.edits import edit_row
from store.records import FileEdit, McpHolder, McpServer
from store.rows import decode, encode


class McpTokenGone(Refused):
    """The token was withdrawn, or its project is gone."""

    code = "mcp_token_gone"


class Mcp:
    """A token is known here by its SHA-256 (hex) only, a secret by what it was sealed to."""

    def __init__(self, http: ConvexHttp) -> None:
        self._http = http

    async def servers(self, project_id: ProjectId, *, owner: OwnerId) -> tuple[McpServer, ...]:
        """The servers that the project names, in its order. Raises: NotFound."""
        args = {"ownerId": owner, "projectId": project_id}
        return decode(tuple[McpServer, ...], await self._http.query("system/mcp:servers", args))

    async def set_servers(
        self, project_id: ProjectId, servers: Sequence[McpServer], *, owner: OwnerId
    ) -> None:
        """Replace them. Raises: NotFound, Refused (more than 10, or 200,000 characters)."""
        rows = [encode(server) for server in servers]
        args = {"ownerId": owner, "projectId": project_id, "servers": rows}
        await self._http.mutation("system/mcp:setServers", args)

    async def set_token(self, project_id: ProjectId, token_hash: str, *, owner: OwnerId) -> None:
        """Give the project a token; the one before holds no more. Raises: NotFound."""
        args = {"ownerId": owner, "projectId": project_id, "hash": token_hash}
        await self._http.mutation("system/mcp:setToken", args)

    async def drop_token(self, project_id: ProjectId, *, owner: OwnerId) -> None:
        """Withdraw the project's token, if it has one. Raises: NotFound."""
        args = {"ownerId": owner, "projectId": project_id}
        await self._http.mutation("system/mcp:dropToken", args)

    async def holder(self, token_hash: str) -> McpHolder | None:
        """Whose project the token is for; None for none."""
        value = await self._http.query("system/mcp:holder", {"hash": token_hash})
        return None if value is None else decode(McpHolder, value)

    async def apply_changes(
        self, token_hash: str, call_id: ToolCallId, edits: Sequence[FileEdit]
    ) -> None:
        """Make what a call changes, all or none; the same call again changes nothing.

        Raises:
            McpTokenGone: the token was withdrawn, or the project is gone; nothing was changed.
            FileChanged: a file is not what an edit was based on; nothing was changed.
            Refused: an edit cannot be made; nothing was changed.
        """
        rows = [await edit_row(self._http, edit) for edit in edits]
        args = {"hash": token_hash, "callId": call_id, "edits": rows}
        try:
            await self._http.mutation("system/mcp:applyChanges", args)
        except Refused as refused:
            if refused.code == McpTokenGone.code:
                raise McpTokenGone(str(refused)) from refused
            raise
