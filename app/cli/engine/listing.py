"""Runs, events and jobs as lines for people: for 80 columns, ids whole and last, to copy well.

A line that is longer than the terminal is left to the terminal to wrap: it copies as one.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from app.observe.logs import printable
from core.clock import SystemClock

Json = dict[str, Any]

COLOURS = {"completed": "green", "failed": "red", "cancelled": "yellow", "running": "cyan"}
GAP = "  "
MINUTE_S, HOUR_S = 60, 3600


def write(lines: Group) -> None:
    """Print them."""
    Console().print(lines, soft_wrap=True)


def screen(lines: Group) -> Live:
    """A place on the terminal that shows lines, and then others."""
    return Live(lines, refresh_per_second=4)


def of_runs(runs: Sequence[Json]) -> Group:
    """A line a run, and one below it where it has failed."""
    return _columns(
        ("created", "status", "took", "run"),
        [
            ((_time(run["createdAt"]), _status(run), _took(run), _id(run["runId"])), _why(run))
            for run in runs
        ],
    )


def of_run(runs: Sequence[Json]) -> Group:
    """One run, then a line a step."""
    [run] = runs
    steps = _columns(
        ("started", "status", "took", "tries", "step"),
        [
            (
                (
                    _time(step.get("startedAt")),
                    _status(step),
                    _took(step),
                    Text(str(step["attempts"]) if step["attempts"] > 1 else ""),
                    _id(step["stepId"] or "(body)"),
                ),
                _why(step),
            )
            for step in run["steps"]
        ],
    )
    return Group(_id(run["runId"]), Text(GAP).append_text(_status(run)), *_why(run), Text(), steps)


def of_events(events: Sequence[Json]) -> Group:
    """A line an event, and one below it for each run that it started."""
    return _columns(
        ("received", "name", "event"),
        [
            (
                (_time(event["receivedAt"]), _id(event["name"]), _id(event["eventId"])),
                [_id(f"{GAP}started {run_id}") for run_id in event["runIds"]],
            )
            for event in events
        ],
    )


def of_jobs(jobs: Sequence[Json]) -> Group:
    """A line a job, and one below it for each thing that starts it."""
    return _columns(
        ("state", "queued", "running", "job"),
        [
            (
                (
                    Text("paused", "yellow") if "pausedAt" in job else Text("active"),
                    Text(str(job["queue"]["queued"] + job["queue"]["scheduled"])),
                    Text(str(job["queue"]["running"])),
                    _id(job["jobId"]),
                ),
                [_id(f"{GAP}on {text}") for text in _triggers(job)],
            )
            for job in jobs
        ],
    )


def _triggers(job: Json) -> list[str]:
    on_events = [
        each["event"] + (f" if {each['when']}" if "when" in each else "") for each in job["events"]
    ]
    on_time = [
        f"{each['schedule']} ({each['zone']}), next at {_time(each['nextAt'])}"
        for each in job["crons"]
    ]
    return [*on_events, *on_time]


def _columns(heads: Sequence[str], rows: Sequence[tuple[Sequence[Text], Sequence[Text]]]) -> Group:
    """Cells below their heads, without the columns that hold nothing; each row's more below it."""
    used = [n for n in range(len(heads)) if any(cells[n] for cells, _ in rows)]
    width = {n: max(len(heads[n]), *(len(cells[n]) for cells, _ in rows)) for n in used}
    lines = [_line([Text(head, "bold") for head in heads], used, width)]
    for cells, below in rows:
        lines += [_line(cells, used, width), *below]
    return Group(*lines)


def _line(cells: Sequence[Text], used: Sequence[int], width: dict[int, int]) -> Text:
    line = Text()
    for number in used:
        line.append_text(cells[number])
        if number != used[-1]:
            line.append(" " * (width[number] - len(cells[number])) + GAP)
    return line


def _id(text: str) -> Text:
    return Text(printable(text))  # whoever sends an event chooses its id and its name


def _status(row: Json) -> Text:
    return Text(row["status"], COLOURS.get(row["status"], ""))


def _time(ms: int | None) -> Text:
    if ms is None:
        return Text()
    at, now = (moment.astimezone() for moment in (_moment(ms), SystemClock().now()))
    return Text(f"{at:%H:%M:%S}" if at.date() == now.date() else f"{at:%m-%d %H:%M}")


def _moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


def _took(row: Json) -> Text:
    if "startedAt" not in row or "endedAt" not in row:
        return Text()
    seconds = (row["endedAt"] - row["startedAt"]) / 1000
    if seconds < MINUTE_S:
        return Text(f"{seconds:.3g} s")
    if seconds < HOUR_S:
        return Text(f"{seconds / MINUTE_S:.1f} m")
    return Text(f"{seconds / HOUR_S:.1f} h")


def _why(row: Json) -> list[Text]:
    error = row.get("error")
    if error is None:
        return []
    text = f"{error['name']}: {error['message']}" if "message" in error else error["name"]
    return [Text(f"{GAP}{printable(text)}", "red")]
