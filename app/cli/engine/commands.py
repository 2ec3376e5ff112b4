"""`polaris runs`, `events`, `jobs`, `send`, `cancel`, `pause` and so on: the engine by hand."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

import typer

from app.cli.process import run_command, settings_or_exit

if TYPE_CHECKING:
    from app.cli.engine.client import EngineClient

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

JobId = Annotated[str, typer.Argument(metavar="JOB", help="A job's id, as `polaris jobs` shows.")]

Json = dict[str, Any]
List = Callable[["EngineClient"], Awaitable[list[Json]]]
What = Literal["runs", "run", "events", "jobs"]


def runs(  # noqa: PLR0913, PLR0917 - one option for each thing to filter by
    run: Annotated[str | None, typer.Argument(metavar="[RUN]", help="One run: its steps.")] = None,
    job: Annotated[str | None, typer.Option(help="Of this job.")] = None,
    status: Annotated[Status | None, typer.Option(help="In this status.")] = None,
    field: Field = None,
    text: Annotated[
        str | None, typer.Option(help="In an id, a name, or the data of the event.")
    ] = None,
    limit: Limit = 20,
    watch: Watch = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """The newest runs, or one run with its steps."""
    if run is not None:
        _show("run", lambda client: _one(client.run(run)), data_dir, watch=watch, as_json=as_json)
        return
    which = {"job": job, "status": status, "field": field, "q": text}
    _show("runs", lambda client: client.runs(which, limit), data_dir, watch=watch, as_json=as_json)


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
        "events", lambda client: client.events(which, limit), data_dir, watch=watch, as_json=as_json
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
    given = _object(data)

    async def act(client: "EngineClient") -> None:
        sent = await client.send(name, given, event_id)
        started = ", ".join(sent["runIds"]) or "nothing"
        again = " (seen before)" if sent["duplicate"] else ""
        _say(sent, f"{sent['eventId']}{again} started {started}", as_json=as_json)

    _act(act, data_dir)


def cancel(run: RunId, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """Cancel a run, and the answer that it writes."""

    def words(answer: Json) -> str:
        return f"{run} {'cancelled' if answer['cancelled'] else 'had ended before'}"

    _do(lambda client: client.cancel(run), words, data_dir, as_json=as_json, said={"runId": run})


def replay(run: RunId, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """Repeat a failed or cancelled run from where it failed, as a new run."""

    def words(answer: Json) -> str:
        return f"{run} goes on as {answer['runId']}"

    _do(lambda client: client.replay(run), words, data_dir, as_json=as_json)


def rerun(
    run: RunId,
    from_step: Annotated[
        str | None, typer.Option(help="Take over what was recorded when this step started.")
    ] = None,
    data: Annotated[
        str | None, typer.Option(help="A JSON object instead of its event's data.")
    ] = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Repeat a run that has ended, however, as a new run."""
    given = None if data is None else _object(data)

    def words(answer: Json) -> str:
        return f"{run} runs again as {answer['runId']}"

    _do(lambda client: client.rerun(run, from_step, given), words, data_dir, as_json=as_json)


def jobs(as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """The jobs: what starts them, how many runs wait and run, and which are paused."""
    _show("jobs", lambda client: client.jobs(), data_dir, watch=False, as_json=as_json)


def pause(job: JobId, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """Let no run of a job start any more, over restarts, until it is resumed."""

    def words(answer: Json) -> str:
        return f"{job} {'paused' if answer['changed'] else 'had been paused before'}"

    _do(lambda client: client.pause(job), words, data_dir, as_json=as_json, said={"jobId": job})


def resume(job: JobId, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """Let runs of a job start again, oldest first."""

    def words(answer: Json) -> str:
        return f"{job} {'resumed' if answer['changed'] else 'was not paused'}"

    _do(lambda client: client.resume(job), words, data_dir, as_json=as_json, said={"jobId": job})


def _object(text: str) -> Json:
    try:
        given: Any = json.loads(text)
    except ValueError as wrong:
        raise typer.BadParameter(f"not JSON: {wrong}", param_hint="--data") from None
    if not isinstance(given, dict):
        raise typer.BadParameter("not a JSON object", param_hint="--data")
    return cast("Json", given)


async def _one(answer: Awaitable[Json]) -> list[Json]:
    return [await answer]


def _act(act: Callable[["EngineClient"], Awaitable[None]], data_dir: Path | None) -> None:
    from app.cli.engine.connect import open_client  # noqa: PLC0415 - an HTTP client, for these commands only

    settings = settings_or_exit(data_dir=data_dir)

    async def work() -> None:
        async with open_client(settings) as client:
            await act(client)

    run_command(work, settings)


def _do(
    call: Callable[["EngineClient"], Awaitable[Json]],
    words: Callable[[Json], str],
    data_dir: Path | None,
    *,
    as_json: bool,
    said: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Do one thing and say what came of it, in words or as JSON, that with what was `said`, too."""

    async def act(client: "EngineClient") -> None:
        answer = await call(client)
        _say({**said, **answer}, words(answer), as_json=as_json)

    _act(act, data_dir)


def _show(what: What, fetch: List, data_dir: Path | None, *, watch: bool, as_json: bool) -> None:
    from app.cli.engine import listing  # noqa: PLC0415 - Rich, for these commands only

    draw = {
        "runs": listing.of_runs,
        "run": listing.of_run,
        "events": listing.of_events,
        "jobs": listing.of_jobs,
    }[what]

    async def once(client: "EngineClient") -> None:
        rows = await fetch(client)
        if as_json:
            _write_lines(reversed(rows))
        else:
            listing.write(draw(rows))

    async def live(client: "EngineClient") -> None:
        with listing.screen(draw(await fetch(client))) as screen:
            while True:
                await asyncio.sleep(REFRESH_S)
                screen.update(draw(await fetch(client)))

    async def stream(client: "EngineClient") -> None:
        shown: dict[str, Json] = {}
        while True:
            rows = await fetch(client)
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
