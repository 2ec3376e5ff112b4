"""What a server says of a file, as findings that the model and people read."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from tools.lsp.positions import Lines
from tools.lsp.wire import Finding
from tools.output import Diagnostic
from tools.workspace.port import RelPath

MAX_MESSAGE_CHARS = 400

_SEVERITIES: Mapping[int, Literal["error", "warning", "hint"]] = {
    1: "error",
    2: "warning",
    4: "hint",
}


def diagnostics_of(
    root: Path, path: RelPath, lines: Lines, findings: Sequence[Finding]
) -> list[Diagnostic]:
    """In the order of the file; where on this machine the project stands is left out."""
    return sorted(
        (_diagnostic(root, path, lines, each) for each in findings),
        key=lambda each: (each.line, each.column),
    )


def described(found: Diagnostic) -> str:
    """One line for the model."""
    code = f"TS{found.code}" if found.source == "ts" else found.code
    name = f"{code}: " if code else ""
    where = f"{found.path}:{found.line}:{found.column}"
    return f"[{found.severity}] {where} - {name}{found.message}"


def _diagnostic(root: Path, path: RelPath, lines: Lines, found: Finding) -> Diagnostic:
    message = found.message.replace(f"{root}/", "")
    message = message.partition("\n\ninfo:")[0].strip()  # ty tells at length where it looked
    if len(message) > MAX_MESSAGE_CHARS:
        message = f"{message[:MAX_MESSAGE_CHARS]}…"
    return Diagnostic(
        path=path,
        line=found.range.start.line + 1,
        column=lines.column(found.range.start) + 1,
        severity=_SEVERITIES.get(found.severity, "information"),
        message=message,
        code="" if found.code is None else str(found.code)[:100],
        source=(found.source or "")[:100],
    )
