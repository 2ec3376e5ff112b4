"""getDiagnostics: what the language server says of a file as it is now."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from core.errors import Refused
from tools.arguments import Arguments
from tools.lsp.arguments import READS_ALL, FilePath
from tools.lsp.asking import MAX_SHOWN, source_of, with_server
from tools.lsp.diagnostics import described, diagnostics_of
from tools.lsp.packages import without_packages
from tools.lsp.positions import Lines
from tools.lsp.session import Session
from tools.output import Diagnostic, DiagnosticsPart, ToolOutput
from tools.place import Place
from tools.tool import Tool
from tools.workspace.paths import confine, is_within, parent_of
from tools.workspace.port import RelPath

Severity = Literal["error", "warning", "all"]

MAX_SETTINGS_SHOWN = 3

_SHOWN_OF: dict[Severity, set[str]] = {
    "error": {"error"},
    "warning": {"error", "warning"},
    "all": {"error", "warning", "information"},  # hints are for editors: faded, struck through
}


class GetDiagnostics(Arguments):
    """Arguments of getDiagnostics."""

    path: FilePath
    severity: Annotated[
        Severity, Field(description="error: errors only; warning: errors and warnings.")
    ] = "all"


async def get_diagnostics(arguments: GetDiagnostics, place: Place) -> ToolOutput:
    """Those of the text that the file has now; never of an older one."""
    path = confine(arguments.path)
    source = await source_of(place, path)

    async def ask(session: Session) -> ToolOutput:
        session.show(path, source.raw, is_staged=True)
        findings = await session.findings(path)
        found = diagnostics_of(session.root, path, source.lines, findings)
        broken = await _broken_settings(path, place, session)
        sorted_out = await without_packages(found, place, session.root)
        shown = [
            each for each in sorted_out.findings if each.severity in _SHOWN_OF[arguments.severity]
        ]
        text = "\n".join(part for part in (_text(path, shown), sorted_out.note, broken) if part)
        parts = (DiagnosticsPart(tuple(shown[:MAX_SHOWN])),) if shown else ()
        return ToolOutput(text, parts=parts)

    return await with_server(place, path, ask)


def _text(path: RelPath, found: Sequence[Diagnostic]) -> str:
    if not found:
        return f"No diagnostics found for {path}."
    errors = sum(each.severity == "error" for each in found)
    warnings = sum(each.severity == "warning" for each in found)
    other = len(found) - errors - warnings
    showing = f" (showing first {MAX_SHOWN})" if len(found) > MAX_SHOWN else ""
    head = (
        f"Found {len(found)} diagnostic(s) ({errors} errors, {warnings} warnings, "
        f"{other} other){showing}:"
    )
    return "\n".join([head, *map(described, found[:MAX_SHOWN])])


async def _broken_settings(path: RelPath, place: Place, session: Session) -> str:
    """Errors in a file that defines the project: then what it says may not count."""
    found: list[Diagnostic] = []
    for settings, findings in (await session.settings_findings()).items():
        if findings and is_within(path, parent_of(settings)):
            try:
                lines = (await source_of(place, settings)).lines
            except Refused:  # gone since, or no text
                lines = Lines.of("")
            found += diagnostics_of(session.root, settings, lines, findings)
    errors = [each for each in found if each.severity == "error"]
    if not errors:
        return ""
    return "\n".join(
        [
            "The settings of the project are broken, so what they say may not count:",
            *map(described, errors[:MAX_SETTINGS_SHOWN]),
        ]
    )


GET_DIAGNOSTICS = Tool(
    name="getDiagnostics",
    description="List the type errors and warnings of a file as it is now.",
    arguments=GetDiagnostics,
    touches=lambda _: READS_ALL,
    run=get_diagnostics,
    timeout_s=60.0,
)
