"""The MCP server over our tools. Imported when somebody asks: the SDK takes a second to import."""

from importlib.metadata import version
from typing import Any

import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel.server import Server
from mcp.server.streamable_http import REQUEST_CANCELLED
from mcp.shared.exceptions import MCPError

from app.services.mcp.project_tools import ProjectTools
from app.services.mcp.running import CallCancelled, CallKey, RunningCalls
from app.services.mcp.tokens import McpCaller
from tools.output import ImagePart, ToolOutput, json_of

INSTRUCTIONS = (
    "Tools on the files of one Polaris project: read, search, edit, understand and run its code. "
    "Paths are relative to the project. Commands run in a sandbox without network."
)
PARTS_KEY = "polaris/parts"
"""Where `_meta` of a result has its typed parts: diffs, an exit code, diagnostics."""

Context = ServerRequestContext[Any, Any]


def server_of(tools: ProjectTools, running: RunningCalls) -> Server[Any]:
    """The server; each request brings its caller in `state.mcp_caller`, set when it was let in."""
    offered = [
        types.Tool(
            name=tool.name, description=tool.description, input_schema=dict(tool.input_schema)
        )
        for tool in tools.descriptions
    ]
    schemas = {tool.name: tool.input_schema for tool in tools.descriptions}

    async def list_tools(
        _context: Context, _params: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        return types.ListToolsResult(tools=offered)

    async def call_tool(
        context: Context, params: types.CallToolRequestParams
    ) -> types.CallToolResult:
        caller, session = caller_of(context)
        key = CallKey(caller.token_hash, session, repr(context.request_id)) if session else None
        try:
            output = await running.run(
                key, lambda: tools.call(caller, params.name, params.arguments or {})
            )
        except CallCancelled:
            raise MCPError(REQUEST_CANCELLED, "Request cancelled") from None
        return result_of(output)

    return Server(
        "polaris",
        version=version("polaris"),
        instructions=INSTRUCTIONS,
        get_tool_input_schema=schemas.get,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


def caller_of(context: Context) -> tuple[McpCaller, str]:
    """Who asks, and the name of their session ("" where the protocol has none)."""
    request = context.request
    if request is None:
        raise RuntimeError("the transport has brought no request")
    return request.state.mcp_caller, request.headers.get("mcp-session-id", "")


def result_of(output: ToolOutput) -> types.CallToolResult:
    """A result as the protocol has it: text, images, and the other parts beside them."""
    images = [part for part in output.parts if isinstance(part, ImagePart)]
    others = [part for part in output.parts if not isinstance(part, ImagePart)]
    return types.CallToolResult(
        content=[
            types.TextContent(text=output.text),
            *(types.ImageContent(data=image.data, mime_type=image.media_type) for image in images),
        ],
        is_error=output.is_error,
        _meta={PARTS_KEY: json_of(others)} if others else None,
    )
