"""startProcess, readProcess, stopProcess: what goes on running between calls."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import Annotated

from pydantic import Field

from core.text import printed_text
from tools.arguments import Arguments
from tools.output import EndedPart, ExitPart, Part, ToolOutput
from tools.place import Place, Touches
from tools.sandbox.port import LASTING
from tools.sandbox.processes import Process, Processes
from tools.sandbox.running import Ending
from tools.terminal.arguments import CommandLine, StartFolder
from tools.terminal.line import folder_of, prepared
from tools.terminal.shown import Following, both_ends, lines_cut, without_middle
from tools.tool import Tool
from tools.workspace.paths import ROOT

FIRST_WORDS_S = 2.0  # a server that cannot start says so within it
MAX_WAIT_S = 60
STOP_S = 30.0

ProcessId = Annotated[
    str, Field(min_length=1, max_length=20, description="Id that startProcess gave.")
]


class StartProcess(Arguments):
    """Arguments of startProcess."""

    command: CommandLine
    cwd: StartFolder = ""


class ReadProcess(Arguments):
    """Arguments of readProcess."""

    process_id: Annotated[ProcessId, Field(alias="processId")]
    wait_seconds: Annotated[
        int,
        Field(alias="waitSeconds", ge=0, le=MAX_WAIT_S, description="Wait so long for output."),
    ] = 0


class StopProcess(Arguments):
    """Arguments of stopProcess."""

    process_id: Annotated[ProcessId, Field(alias="processId")]


async def start_process(arguments: StartProcess, place: Place) -> ToolOutput:
    """Its id and its first words, or how it ended if it did at once."""
    confined = await prepared(place, arguments.command, arguments.cwd)
    processes = place.need(Processes)
    process = await processes.start(
        replace(confined, bounds=LASTING), arguments.command, follower=Following(place.show)
    )
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(FIRST_WORDS_S):
                await process.ended.wait()
    except asyncio.CancelledError:  # a call that is cancelled leaves nothing behind
        await processes.stop(process)
        raise
    finally:
        process.follower = None
    if process.receipt is not None:
        return await _told(process, f"The process ended at once: {_how(process)}")
    return await _told(process, f"Process {process.process_id} is running.")


async def read_process(arguments: ReadProcess, place: Place) -> ToolOutput:
    """What it wrote since the last call, and whether it runs."""
    process = place.need(Processes).find(arguments.process_id, folder_of(place))
    if process.receipt is None and arguments.wait_seconds:
        with suppress(TimeoutError):
            async with asyncio.timeout(arguments.wait_seconds):
                await process.news.wait()
    state = "is running." if process.receipt is None else f"has ended: {_how(process)}"
    return await _told(process, f"Process {process.process_id} {state}")


async def stop_process(arguments: StopProcess, place: Place) -> ToolOutput:
    """End it, with its last words."""
    processes = place.need(Processes)
    process = processes.find(arguments.process_id, folder_of(place))
    if process.receipt is not None:
        return await _told(process, f"Process {process.process_id} had ended: {_how(process)}")
    await processes.stop(process)
    return await _told(
        process, f"Process {process.process_id} was stopped with all that it had started."
    )


def _how(process: Process) -> str:
    receipt = process.receipt
    if receipt is None:
        return "it is gone."
    if receipt.ending is Ending.EXITED:
        return f"exit code {receipt.code}."
    return {
        Ending.TIMEOUT: "it had run for four hours, which is the longest.",
        Ending.OUTPUT: "it wrote too much.",
        Ending.MEMORY: "it used too much memory.",
        Ending.TASKS: "it had too many processes and threads.",
        Ending.STOPPED: "it was stopped.",
    }[receipt.ending]


async def _told(process: Process, state: str) -> ToolOutput:
    output, dropped_bytes = process.unread()
    text = await asyncio.to_thread(printed_text, output)
    ends = both_ends(text)
    text = lines_cut(text) if ends is None else without_middle(ends)
    heading = "New output:" if text.strip() else "No new output."
    if dropped_bytes:
        heading = f"New output, of which the first {dropped_bytes:,} bytes were dropped:"
    receipt = process.receipt
    parts: tuple[Part, ...] = ()
    if receipt is not None:
        exit_part = ExitPart(receipt.code, round(receipt.took_s, 3))
        ended = EndedPart(receipt.ending.value, receipt.ended, receipt.at.isoformat())
        parts = (exit_part, ended) if receipt.ended else (exit_part,)
    is_error = receipt is not None and receipt.ending is not Ending.STOPPED and receipt.code != 0
    said = "\n".join(part for part in (state, heading, text.rstrip("\n")) if part)
    return ToolOutput(said, is_error=is_error, parts=parts)


IN_FOLDER = Touches(writes=frozenset({ROOT}), in_folder=True)

START_PROCESS = Tool(
    name="startProcess",
    description=(
        "Start a server or watcher that goes on running; commands reach its ports on localhost."
    ),
    arguments=StartProcess,
    touches=lambda _: IN_FOLDER,
    run=start_process,
    timeout_s=120.0,
)

READ_PROCESS = Tool(
    name="readProcess",
    description="What a process has printed since the last call, and whether it still runs.",
    arguments=ReadProcess,
    touches=lambda _: Touches(),
    run=read_process,
    timeout_s=MAX_WAIT_S + STOP_S,
)

STOP_PROCESS = Tool(
    name="stopProcess",
    description="End a process with all that it has started.",
    arguments=StopProcess,
    touches=lambda _: IN_FOLDER,
    run=stop_process,
    timeout_s=STOP_S,
)
