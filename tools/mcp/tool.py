"""A server's tool as one of ours: the same bounds, the same way of running."""

import json
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from pydantic import RootModel

from tools.mcp.clients import McpClients
from tools.mcp.config import McpFailed, McpServer
from tools.mcp.offered import Offered
from tools.output import ToolOutput
from tools.place import Place, Touches
from tools.tool import Tool
from tools.workspace.paths import ROOT

MAX_ARGUMENT_BYTES = 1024 * 1024
TIMEOUT_S = 200.0  # starting a server, and its own bound for a call

ServerOf = Callable[[str], Awaitable[McpServer | None]]
"""The server of that name, as the project names it now."""


class AnyArguments(RootModel[dict[str, Any]]):
    """Arguments that the server judges."""


def tool_of(offered: Offered, server_of: ServerOf) -> Tool[AnyArguments]:
    """A tool that asks the server.

    What may change files is run as a command is: alone, with a look at the folder afterwards, since
    a program has the project's files before it.
    """
    touches = (
        Touches(reads=frozenset({ROOT}))
        if offered.is_read_only
        else Touches(writes=frozenset({ROOT}), in_folder=True)
    )
    return Tool(
        name=offered.name,
        description=offered.description,
        arguments=AnyArguments,
        touches=lambda _: touches,
        run=partial(_run, offered, server_of),
        timeout_s=TIMEOUT_S,
        input_schema=json.loads(offered.schema),
    )


async def _run(
    offered: Offered, server_of: ServerOf, arguments: AnyArguments, place: Place
) -> ToolOutput:
    if place.folder is None:
        raise McpFailed("MCP servers cannot be asked here: the project's files are on no disk.")
    size = len(json.dumps(arguments.root, default=str))
    if size > MAX_ARGUMENT_BYTES:
        raise McpFailed(f"The arguments have {size:,} bytes; at most {MAX_ARGUMENT_BYTES:,} do.")
    server = await server_of(offered.server)
    if server is None:
        raise McpFailed(f"The project names no MCP server {offered.server!r} any more.")
    return await place.need(McpClients).call(place.folder, server, offered, arguments.root)
