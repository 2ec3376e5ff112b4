"""executeCommand: a command runs to its end, in the sandbox."""

import asyncio
import re
import signal
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from pydantic import Field

from core.text import printed_text
from tools.arguments import Arguments
from tools.output import EndedPart, ExitPart, Part, ToolOutput
from tools.outputs import Outputs
from tools.place import Place, Touches
from tools.sandbox.port import MIB, Bounds
from tools.sandbox.running import Ending, Limits, Receipt
from tools.sandbox.sandbox import Finished, Sandbox
from tools.terminal.arguments import CommandLine, StartFolder
from tools.terminal.line import prepared
from tools.terminal.outputs import shown
from tools.terminal.shown import Following
from tools.tool import Tool
from tools.workspace.paths import ROOT, confine_folder

MAX_TIMEOUT_S = 600
DEFAULT_TIMEOUT_S = 120
GRACE_S = 90.0  # beyond its own time: starting, a first commit, ending
OUTPUT_BYTES = 4 * MIB
SIGNALLED = 128  # and the number of the signal: what shells say of a program that died by one

_SIGNALS: dict[int, str] = {
    signal.SIGKILL: "killed, perhaps for want of memory",
    signal.SIGSEGV: "a crash in the program",
    signal.SIGXCPU: f"more than {Bounds().cpu_s} seconds of CPU time",
    signal.SIGXFSZ: f"a file larger than {Bounds().file_bytes // MIB} MiB",
}


_UNREACHED = re.compile(rb"EAI_AGAIN|ENETUNREACH|NameResolutionError|Network is unreachable")
NO_NETWORK_NOTE = "[The sandbox has no network. Trying again will not help.]"


class ExecuteCommand(Arguments):
    """Arguments of executeCommand."""

    command: CommandLine
    cwd: StartFolder = ""
    timeout_seconds: Annotated[
        int,
        Field(alias="timeoutSeconds", ge=1, le=MAX_TIMEOUT_S, description="When it is ended."),
    ] = DEFAULT_TIMEOUT_S


async def execute_command(arguments: ExecuteCommand, place: Place) -> ToolOutput:
    """What it printed and how it ended; the folder is compared afterwards by the caller."""
    confined = await prepared(place, arguments.command, arguments.cwd)
    limits = Limits(timeout_s=arguments.timeout_seconds, output_bytes=OUTPUT_BYTES)
    finished = await place.need(Sandbox).run(confined, limits, on_output=Following(place.show))
    output = await told(finished, limits, confined.folder, place.need(Outputs))
    if output.is_error and not confined.network and _UNREACHED.search(finished.output):
        return replace(output, text=f"{output.text}\n{NO_NETWORK_NOTE}")
    return output


async def told(finished: Finished, limits: Limits, folder: Path, outputs: Outputs) -> ToolOutput:
    """A command's end in words for the model, with parts for people."""
    receipt = finished.receipt
    text = await asyncio.to_thread(printed_text, finished.output)
    parts: list[Part] = [ExitPart(receipt.code, round(receipt.took_s, 3))]
    if receipt.ended or receipt.ending is not Ending.EXITED:
        parts.append(EndedPart(receipt.ending.value, receipt.ended, receipt.at.isoformat()))
    text, full = await shown(text, folder, outputs)
    parts += full
    is_error = receipt.ending is not Ending.EXITED or receipt.code != 0
    return ToolOutput(_said(text, receipt, limits), is_error=is_error, parts=tuple(parts))


def _said(text: str, receipt: Receipt, limits: Limits) -> str:
    opening = _opening(receipt, limits)
    if not opening and not text.strip():
        text = "Command completed successfully (no output)"
    notes: list[str] = []
    if receipt.ending is Ending.EXITED and receipt.ended:
        names = ", ".join(receipt.ended)
        notes.append(f"[Ended with the command: {names}. Use startProcess for what has to go on.]")
    if receipt.trouble:
        notes.append(f"[{receipt.trouble[:500]}]")
    return "\n".join(part for part in (opening, text.rstrip("\n"), *notes) if part)


def _opening(receipt: Receipt, limits: Limits) -> str:
    match receipt.ending:
        case Ending.EXITED:
            return _exit(receipt.code or 0)
        case Ending.TIMEOUT:
            return (
                f"Command timed out after {limits.timeout_s:g} seconds and was ended with all that "
                "it had started. Use startProcess for servers and watchers. Its output so far:"
            )
        case Ending.OUTPUT:
            bound = f"it wrote more than {limits.output_bytes // MIB} MiB of output"
        case Ending.MEMORY:
            bound = f"it used more than {Bounds().memory_bytes // MIB} MiB of memory"
        case Ending.TASKS:
            bound = f"it had {Bounds().tasks} processes and threads at a time"
        case Ending.STOPPED:
            bound = "it was stopped"
    return f"Command was ended with all that it had started: {bound}. Its output so far:"


def _exit(code: int) -> str:
    if code == 0:
        return ""
    reason = _SIGNALS.get(code - SIGNALLED)
    return f"Command failed with exit code {code}{f' ({reason})' if reason else ''}:"


EXECUTE_COMMAND = Tool(
    name="executeCommand",
    description=(
        "Run a bash command in the project's sandbox: npm, git, node, python, tests, grep and the "
        "like, with pipes and &&. No network, no input, no sudo. Files it changes are kept."
    ),
    arguments=ExecuteCommand,
    touches=lambda arguments: (
        confine_folder(arguments.cwd),
        Touches(writes=frozenset({ROOT}), in_folder=True),
    )[1],
    run=execute_command,
    timeout_s=MAX_TIMEOUT_S + GRACE_S,
)
