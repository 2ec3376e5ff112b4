"""An MCP server written with the official package: `python official_server.py` over its streams.

With `web` it listens on a free port of this machine and prints it.
"""

import asyncio
import os
import socket
import sys
from pathlib import Path

import uvicorn
from mcp.server.mcpserver import Context, Image, MCPServer
from mcp_types import CallToolResult, EmbeddedResource, TextContent, TextResourceContents
from mcp_types import ToolAnnotations as Hints
from pydantic import BaseModel

server = MCPServer("official", instructions="For tests.")
READ_ONLY = Hints(read_only_hint=True)
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6364f8cf"
    "500f000386018 05a347d6b0000000049454e44ae426082".replace(" ", "")
)


class Sum(BaseModel):
    total: int


@server.tool(annotations=READ_ONLY)
def echo(text: str) -> str:
    """Say it again."""
    return text


@server.tool(annotations=READ_ONLY, structured_output=True)
def add(a: int, b: int) -> Sum:
    """Add two numbers."""
    return Sum(total=a + b)


@server.tool(name="odd name/with.dots", annotations=READ_ONLY)
def odd() -> str:
    return "odd"


@server.tool(annotations=READ_ONLY)
def fail() -> str:
    """Fail."""
    raise ValueError("on purpose")


@server.tool(annotations=READ_ONLY)
def picture() -> Image:
    """Show a picture."""
    return Image(data=PIXEL, format="png")


@server.tool(annotations=READ_ONLY)
def document() -> CallToolResult:
    """Give a document."""
    text = TextResourceContents(uri="memo://one", text="inside")
    return CallToolResult(content=[EmbeddedResource(resource=text)])


@server.tool(annotations=READ_ONLY)
def long(lines: int) -> str:
    """Say much."""
    return "\n".join(f"line {number}" for number in range(lines))


@server.tool(annotations=READ_ONLY)
def seen() -> str:
    """Say what is seen."""
    folder = sorted(path.name for path in Path.cwd().iterdir())
    return repr({"cwd": str(Path.cwd()), "env": dict(os.environ), "files": folder})  # noqa: TID251 - its own


@server.tool()
def write(path: str, text: str) -> str:
    """Write a file."""
    Path(path).write_text(text)
    return "written"


@server.tool(annotations=READ_ONLY)
async def wait(seconds: float) -> str:
    """Wait."""
    await asyncio.sleep(seconds)
    return "waited"


@server.tool(annotations=READ_ONLY)
def leave() -> str:
    """End at once."""
    os._exit(3)


@server.tool(annotations=READ_ONLY)
async def ask(context: Context) -> CallToolResult:
    """Ask the client for what it does not have."""

    class Answer(BaseModel):
        name: str

    try:
        answer = await context.elicit("Who?", Answer)
        text = f"answered: {answer}"
    except Exception as error:  # noqa: BLE001 - that is what the test looks at
        text = f"refused: {error}"
    return CallToolResult(content=[TextContent(text=text)])


async def web() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    app = server.streamable_http_app()
    config = uvicorn.Config(app, log_level="critical", ws="none")
    print(listener.getsockname()[1], flush=True)  # noqa: T201
    await uvicorn.Server(config).serve(sockets=[listener])


if __name__ == "__main__":
    if sys.argv[1:] == ["web"]:
        asyncio.run(web())
    else:
        server.run("stdio")
