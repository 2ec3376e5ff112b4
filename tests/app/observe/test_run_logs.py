"""Lines that jobs and their steps log say which run and step they are of."""

import json
import logging
from pathlib import Path

from app.observe.logs import JsonFormatter
from app.observe.run_logs import LoggedRuns
from engine import Engine, EventData, JobContext, SqliteDatabase, job

log = logging.getLogger("test.run_logs")


class Wanted(EventData, event="test/logged"):
    pass


@job("logs", on=Wanted)
async def logs(ctx: JobContext[Wanted]) -> None:
    async def say(word: str) -> None:
        log.info(word, extra={"step_id": "its own"} if word == "own" else {})

    log.info("body")
    await ctx.step.run("first", say, "step")
    await ctx.step.run("second", say, "own")


class Lines(logging.Handler):
    """Formats at once, as a handler of a process does."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: dict[str, dict[str, str]] = {}

    def emit(self, record: logging.LogRecord) -> None:
        line = json.loads(JsonFormatter().format(record))
        self.lines[line["event"]] = line


async def test_a_line_names_its_run_and_its_step(tmp_path: Path) -> None:
    seen = Lines()
    log.addHandler(seen)
    log.setLevel(logging.INFO)
    database = SqliteDatabase(tmp_path / "engine.db")
    async with Engine(jobs=[logs], database=database, middleware=[LoggedRuns()]) as engine:
        run_id = (await engine.send(Wanted())).run_ids[0]
        await engine.wait(run_id, 10)
        log.info("outside")
    log.removeHandler(seen)
    found = {event: (line.get("run_id"), line.get("step_id")) for event, line in seen.lines.items()}
    assert found == {
        "body": (run_id, None),
        "step": (run_id, "first"),
        "own": (run_id, "its own"),
        "outside": (None, None),
    }
