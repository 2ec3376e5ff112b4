"""`polaris runs`, `events`, `send`, `cancel` and `replay`: look at the engine, and act on it."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from app.cli.desk import Desk, Json
from app.cli.process import run_command, settings_or_exit
from app.cli.reach import open_desk

REFRESH_S = 1.0

# As `engine.RunStatus`, which every other command would have to wait for.
Status = Literal["scheduled", "queued", "running", "completed", "failed", "cancelled"]

DataDir = Annotated[
    Path | None, typer.Option(file_okay=False, help="Data folder of the running `polaris dev`.")
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object per line.")]
Watch = Annotated[bool, typer.Option("--watch", help="Keep looking, until Ctrl-C.")]
Limit = Annotated[int, typer.Option(min=1, max=1000, help="How many, the newest ones.")]
Field = Annotated[str | None, typer.Option(help="PATH=VALUE in the event: data.projectId=k57…")]
RunId = Annotated[
    str, typer.Argument(metavar="RUN", help="A run's id, as `polaris runs` shows it.")
]

List = Callable[[Desk], Awaitable[list[Json]]]
Draw = Callable[[Sequence[Json]], Table]

COLOURS = {"completed": "green", "failed": "red", "cancelled": "yellow", "running": "cyan"}


def runs(  # noqa: PLR0913, PLR0917 - one option for each thing to filter by
    run: Annotated[str | None, typer.Argument(metavar="[RUN]", help="One run: its steps.")] = None,
    job: Annotated[str | None, typer.Option(help="Of this job.")] = None,
    status: Annotated[Status | None, typer.Option(help="In this status.")] = None,
    field: Field = None,
    limit: Limit = 20,
    watch: Watch = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """The newest runs, or one run with its steps."""
    if run is not None:
        _show(lambda desk: _one(desk.run(run)), _run_table, data_dir, watch=watch, as_json=as_json)
        return
    which = {"job": job, "status": status, "field": field}
    _show(lambda desk: desk.runs(which, limit), _runs_table, data_dir, watch=watch, as_json=as_json)


def events(  # noqa: PLR0913, PLR0917 - as above
    name: Annotated[str | None, typer.Option(help="Of this name.")] = None,
    field: Field = None,
    limit: Limit = 20,
    watch: Watch = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """The latest events, and what they started."""
    which = {"name": name, "field": field}
    _show(
        lambda desk: desk.events(which, limit),
        _events_table,
        data_dir,
        watch=watch,
        as_json=as_json,
    )


def send(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Such as report/wanted.")],
    data: Annotated[str, typer.Option(help="A JSON object.")] = "{}",
    event_id: Annotated[
        str | None, typer.Option("--id", help="Seen in the last 24 hours, it starts nothing.")
    ] = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Send an event, in the name of the local user."""
    try:
        given: Any = json.loads(data)
    except ValueError as wrong:
        raise typer.BadParameter(f"not JSON: {wrong}", param_hint="--data") from None
    if not isinstance(given, dict):
        raise typer.BadParameter("not a JSON object", param_hint="--data")

    async def act(desk: Desk) -> None:
        sent = await desk.send(name, given, event_id)  # pyright: ignore[reportUnknownArgumentType] - JSON
        started = ", ".join(sent["runIds"]) or "nothing"
        again = " (seen before)" if sent["duplicate"] else ""
        _say(sent, f"{sent['eventId']}{again} started {started}", as_json=as_json)

    _act(act, data_dir)


def cancel(run: RunId, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """Cancel a run, and the answer that it writes."""

    async def act(desk: Desk) -> None:
        answer = await desk.cancel(run)
        text = "cancelled" if answer["cancelled"] else "had ended before"
        _say({"runId": run, **answer}, f"{run} {text}", as_json=as_json)

    _act(act, data_dir)


def replay(run: RunId, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """Repeat a failed or cancelled run from where it failed, as a new run."""

    async def act(desk: Desk) -> None:
        answer = await desk.replay(run)
        _say(answer, f"{run} goes on as {answer['runId']}", as_json=as_json)

    _act(act, data_dir)


async def _one(answer: Awaitable[Json]) -> list[Json]:
    return [await answer]


def _act(act: Callable[[Desk], Awaitable[None]], data_dir: Path | None) -> None:
    settings = settings_or_exit(data_dir=data_dir)

    async def work() -> None:
        async with open_desk(settings) as desk:
            await act(desk)

    run_command(work, settings)


def _show(fetch: List, draw: Draw, data_dir: Path | None, *, watch: bool, as_json: bool) -> None:
    async def once(desk: Desk) -> None:
        rows = await fetch(desk)
        if as_json:
            _write_lines(reversed(rows))
        else:
            Console().print(draw(rows))

    async def live(desk: Desk) -> None:
        with Live(draw(await fetch(desk)), refresh_per_second=4) as screen:
            while True:
                await asyncio.sleep(REFRESH_S)
                screen.update(draw(await fetch(desk)))

    async def stream(desk: Desk) -> None:
        shown: dict[str, Json] = {}
        while True:
            rows = await fetch(desk)
            _write_lines(row for row in reversed(rows) if shown.get(_key(row)) != row)
            shown = {_key(row): row for row in rows}
            await asyncio.sleep(REFRESH_S)

    if not watch:
        _act(once, data_dir)
    else:
        _act(stream if as_json else live, data_dir)


def _key(row: Json) -> str:
    return row.get("runId") or row["eventId"]


def _write_lines(rows: Any) -> None:
    for row in rows:
        sys.stdout.write(json.dumps(row) + "\n")
    sys.stdout.flush()


def _say(answer: Json, text: str, *, as_json: bool) -> None:
    sys.stdout.write((json.dumps(answer) if as_json else text) + "\n")


def _runs_table(rows: Sequence[Json]) -> Table:
    table = Table("run", "job", "status", "created", "took", "why")
    for row in rows:
        table.add_row(
            escape(row["runId"]),
            escape(row["jobId"]),
            _status(row["status"]),
            _time(row["createdAt"]),
            _took(row),
            _why(row),
        )
    return table


def _run_table(rows: Sequence[Json]) -> Table:
    [run] = rows
    title = escape(f"{run['runId']} · {run['jobId']} · {run['status']}")
    table = Table("step", "status", "attempts", "started", "took", "why", title=title)
    for step in run["steps"]:
        table.add_row(
            escape(step["stepId"] or "(body)"),
            _status(step["status"]),
            str(step["attempts"]),
            _time(step.get("startedAt")),
            _took(step),
            _why(step),
        )
    if "error" in run:
        table.caption = _why(run)
    return table


def _events_table(rows: Sequence[Json]) -> Table:
    table = Table("event", "name", "received", "started")
    for row in rows:
        table.add_row(
            escape(row["eventId"]),
            escape(row["name"]),
            _time(row["receivedAt"]),
            escape("\n".join(row["runIds"])),
        )
    return table


def _status(status: str) -> str:
    colour = COLOURS.get(status)
    return status if colour is None else f"[{colour}]{status}[/{colour}]"


def _time(ms: int | None) -> str:
    if ms is None:
        return ""
    return f"{datetime.fromtimestamp(ms / 1000, UTC).astimezone():%m-%d %H:%M:%S}"


def _took(row: Json) -> str:
    if "startedAt" not in row or "endedAt" not in row:
        return ""
    return f"{(row['endedAt'] - row['startedAt']) / 1000:.2f} s"


def _why(row: Json) -> str:
    error = row.get("error")
    if error is None:
        return ""
    text = f"{error['name']}: {error['message']}" if "message" in error else error["name"]
    return escape(text)
