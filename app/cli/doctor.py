"""`polaris doctor`: what of Polaris is here and works, and how to get what is not."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.process import run_command, settings_or_exit
from app.cli.product import Data

if TYPE_CHECKING:
    from app.operating.doctor import Finding

MARKS = {"ok": "ok     ", "absent": "absent ", "failed": "FAILED "}


def doctor(
    call_models: Annotated[
        bool, typer.Option("--call-models", help="Ask each model for one token; it is paid for.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per line.")] = False,
    data: Data = None,
) -> None:
    """Check every part; say what is missing and how to get it. Exit code 1 if one has failed."""
    from app.operating.doctor import examine, is_well  # noqa: PLC0415 - nearly the whole product

    settings = settings_or_exit(data_dir=data)
    findings: list[Finding] = []

    async def look() -> None:
        async for finding in examine(settings, call_models=call_models):
            findings.append(finding)
            typer.echo(json.dumps(asdict(finding)) if as_json else _line(finding))

    run_command(look, settings)
    if not is_well(findings):
        raise typer.Exit(1)


def _line(finding: "Finding") -> str:
    advice = f"\n        {finding.advice}" if finding.advice else ""
    return f"{MARKS[finding.verdict]} {finding.part}: {finding.detail}{advice}"
