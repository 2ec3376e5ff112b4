"""`polaris record` and `rehearse`: recordings of answers, and today's code held against them."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from app.cli.process import run_command, settings_or_exit
from core.errors import Refused

DIFFERS = 1


class NotRecorded(Refused):
    """There is no recording of that run."""

    code = "not_recorded"


def record(
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="A run's id, as `polaris runs` shows it.")
    ],
    to: Annotated[
        Path | None, typer.Option("--output", "-o", help="Default: the run's name, in this folder.")
    ] = None,
    folder: Annotated[
        Path | None, typer.Option(file_okay=False, help="Default: POLARIS_RECORDINGS.")
    ] = None,
) -> None:
    """Write the recording of a run to one file, to keep or to rehearse.

    A name that ends in .jsonl is not compressed.
    """
    from app.rehearsing import export  # noqa: PLC0415 - the product, for this command only

    settings = settings_or_exit(recordings=folder)

    async def work() -> None:
        if settings.recordings is None:
            raise NotRecorded("POLARIS_RECORDINGS is not set, so nothing is recorded")
        where = settings.recordings
        written = await asyncio.to_thread(export, where, run, to)
        if written is None:
            raise NotRecorded(f"there is no recording of {run!r} in {where}")
        typer.echo(f"{written.path}: {written.turns} turns, {written.calls} calls")

    run_command(work, settings)


def rehearse(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A recording.")],
    step: Annotated[
        str | None, typer.Option("--from", help="Leave the recording at this step: turn-3.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="PROVIDER:MODEL that goes on from there, with its key set.")
    ] = None,
) -> None:
    """Go through a recorded run with today's code: no model, no network, no effects.

    Says the first difference and ends with code 1; or says that there is none. With --from and
    --model a real model goes on from a step, with real tools in a copy of the project.
    """
    from app.rehearsing import going_on_from, rehearsal_of  # noqa: PLC0415 - the product, for this command only
    from jobs.recording.recording import read_recording  # noqa: PLC0415 - as above

    if (step is None) != (model is None):
        raise typer.BadParameter("--from and --model go together", param_hint="--from")
    settings = settings_or_exit()
    differs = False

    async def work() -> None:
        nonlocal differs
        recording = await asyncio.to_thread(read_recording, file)
        if step is None or model is None:
            done = await rehearsal_of(recording)
        else:
            done = await going_on_from(recording, step, model, settings)
        differs = done.difference is not None
        typer.echo(done.words)

    run_command(work, settings)
    if differs:
        raise typer.Exit(DIFFERS)
