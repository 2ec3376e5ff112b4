"""An MCP server that needs nothing but the standard library, as a file of a project."""

import json
import os
import sys
from pathlib import Path
from typing import Any

TOOLS = ("write", "variable")


def said(text: str) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": text}]}


def result_of(method: str, params: dict[str, Any]) -> dict[str, Any] | None:
    arguments: dict[str, Any] = params.get("arguments") or {}
    match method, params.get("name"):
        case "initialize", _:
            return {
                "protocolVersion": params["protocolVersion"],
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "program", "version": "1"},
            }
        case "tools/list", _:
            schema: dict[str, Any] = {"type": "object", "properties": {}}
            return {"tools": [{"name": name, "inputSchema": schema} for name in TOOLS]}
        case "tools/call", "write":
            Path(arguments["path"]).write_text(arguments["text"])
            return said("written")
        case "tools/call", "variable":
            return said(os.environ.get(arguments["of"], "not set"))  # noqa: TID251 - its own
        case _:
            return None


def main() -> None:
    for line in sys.stdin:
        message: dict[str, Any] = json.loads(line)
        if "id" not in message:
            continue
        answer: dict[str, Any] = {"jsonrpc": "2.0", "id": message["id"]}
        result = result_of(message["method"], message.get("params") or {})
        if result is None:
            answer["error"] = {"code": -32601, "message": "unknown"}
        else:
            answer["result"] = result
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
