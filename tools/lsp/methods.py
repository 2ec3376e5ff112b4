"""What an editor may ask a language server, and what it is told that the server can do."""

from collections.abc import Mapping
from typing import Any, cast

from tools.lsp.servers import Server

_OF_DOCUMENTS = (
    "codeAction",
    "codeLens",
    "colorPresentation",
    "completion",
    "declaration",
    "definition",
    "diagnostic",
    "documentColor",
    "documentHighlight",
    "documentLink",
    "documentSymbol",
    "foldingRange",
    "formatting",
    "hover",
    "implementation",
    "inlayHint",
    "linkedEditingRange",
    "moniker",
    "onTypeFormatting",
    "prepareCallHierarchy",
    "prepareRename",
    "prepareTypeHierarchy",
    "rangeFormatting",
    "references",
    "rename",
    "selectionRange",
    "semanticTokens/full",
    "semanticTokens/full/delta",
    "semanticTokens/range",
    "signatureHelp",
    "typeDefinition",
)
ALLOWED = frozenset(
    {
        *(f"textDocument/{name}" for name in _OF_DOCUMENTS),
        *(f"{name}/resolve" for name in ("codeAction", "codeLens", "completionItem")),
        *(f"{name}/resolve" for name in ("documentLink", "inlayHint", "workspaceSymbol")),
        *(f"callHierarchy/{name}Calls" for name in ("incoming", "outgoing")),
        *(f"typeHierarchy/{name}types" for name in ("super", "sub")),
        "workspace/symbol",
    }
)
"""Questions. None of them makes a server write a file or run a program."""

_LEFT_OUT = ("diagnosticProvider", "workspace", "notebookDocumentSync", "experimental")


def capabilities_for_editor(server: Server, of_server: Mapping[str, Any]) -> dict[str, Any]:
    """The server's own, but for what this side does itself or does not pass on.

    Documents are sent whole: several editors and the agent write to the same ones. Diagnostics are
    pushed to all, whether the server pushes or is asked.
    """
    shown = {name: value for name, value in of_server.items() if name not in _LEFT_OUT}
    shown["positionEncoding"] = "utf-16"
    shown["textDocumentSync"] = {"openClose": True, "change": 1, "save": True}
    commands = [name for name in announced_commands(of_server) if name in server.commands]
    shown.pop("executeCommandProvider", None)
    if commands:
        shown["executeCommandProvider"] = {"commands": commands}
    return shown


def is_allowed(method: str, params: Any, server: Server, of_server: Mapping[str, Any]) -> bool:
    """Whether a request is passed on.

    A command is if the server has announced it and the table of servers names it.
    """
    if method != "workspace/executeCommand":
        return method in ALLOWED
    match params:
        case {"command": str(command)}:
            return command in server.commands and command in announced_commands(of_server)
        case _:
            return False


def announced_commands(of_server: Mapping[str, Any]) -> list[str]:
    """The commands that a server says it has."""
    provider = of_server.get("executeCommandProvider")
    commands = (
        cast("dict[str, Any]", provider).get("commands") if isinstance(provider, dict) else ()
    )
    if not isinstance(commands, list):
        return []
    return [each for each in cast("list[Any]", commands) if isinstance(each, str)]
