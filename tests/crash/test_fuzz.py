"""A small slice of the crash fuzzer, and that its verdict sees what is wrong."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine import PostgresDatabase, SqliteDatabase
from tests.crash.fuzz.journal import Line
from tests.crash.fuzz.programs import Program
from tests.crash.fuzz.round import Plan, play
from tests.crash.fuzz.verdict import Story, faults
from tests.support.databases import postgres, postgres_server, sqlite
from tests.support.mortal_server import MortalServer, mortal_server

__all__ = ["postgres", "postgres_server", "sqlite"]

SLOW = pytest.mark.timeout(180)


async def held(address: str, folder: Path, plan: Plan, server: MortalServer | None = None) -> None:
    found, story, deaths = await play(plan, address, folder, server)
    assert found == []
    assert deaths >= plan.deaths
    assert sum(line.what == "continued" for line in story.lines) == plan.stops
    assert len(story.runs) >= 10


@SLOW
@pytest.mark.thorough
async def test_random_jobs_survive_random_deaths_on_sqlite(
    sqlite: SqliteDatabase, tmp_path: Path
) -> None:
    await held(str(sqlite.path), tmp_path, Plan.of("one process", 10, deaths=3, stops=0, ends=2))


@SLOW
@pytest.mark.thorough
async def test_random_jobs_survive_random_deaths_on_postgres(
    postgres: PostgresDatabase, tmp_path: Path
) -> None:
    await held(postgres.dsn, tmp_path, Plan.of("two processes", 10, deaths=2, stops=2, ends=2))


@SLOW
async def test_random_jobs_survive_a_server_that_crashes(tmp_path: Path) -> None:
    with mortal_server() as server:
        plan = Plan.of("a mortal server", 10, deaths=1, stops=0, outages=3)
        await held(server.fresh().dsn, tmp_path, plan, server)


def test_a_plan_is_its_seed() -> None:
    assert Plan.of("s", 20, deaths=3, stops=1) == Plan.of("s", 20, deaths=3, stops=1)
    assert Plan.of("s", 20, deaths=3, stops=1) != Plan.of("t", 20, deaths=3, stops=1)


def test_every_kind_of_step_is_tried() -> None:
    plans = [Plan.of(str(n), 20, deaths=0, stops=0) for n in range(40)]
    from_many = [op for plan in plans for program in plan.programs for op in program.ops]
    kinds = {op[0] for op in from_many}
    assert kinds == {
        *("run", "retry", "broken", "sleep", "sleep_until", "timeout"),
        *("wait", "signal", "invoke", "send", "parallel", "race"),
    }


RUN = "begun:event-1"
ONE, TWO = "in-line:event-2", "in-line:event-3"


def line(at: float, what: Any, run: str = RUN, step: str = "run-1", who: str = "a") -> Line:
    return Line(at, who, what, run, step, key=f"{run}:{step}")


def listed(run_id: str, status: str = "completed", result: object = None) -> list[Any]:
    return [run_id, "job", "event", status, result, ""]


@pytest.fixture
def good() -> Story:
    """Three runs of one step; two of them stand in line."""
    lines: list[Line] = []
    for at, run in enumerate((RUN, ONE, TWO)):
        lines += [line(at, what, run) for what in ("begin", "end", "recorded")]
    return Story(
        programs={run: Program(n, [["run", "run-1", 0]]) for n, run in enumerate((RUN, ONE, TWO))},
        order={"line": [ONE, TWO]},
        runs=[listed(run, result=["run-1"]) for run in (RUN, ONE, TWO)],
        lines=lines,
    )


def test_a_good_story_has_no_faults(good: Story) -> None:
    assert faults(good) == []


def test_a_lost_and_a_doubled_run_are_seen(good: Story) -> None:
    good.runs[0] = listed(TWO, result=["run-1"])
    assert faults(good) == [f"{TWO} is listed twice", f"lost: {RUN}"]


def test_a_run_that_nobody_asked_for_is_seen(good: Story) -> None:
    good.runs.append(listed("echoed:event-9"))
    assert faults(good) == ["nobody asked for echoed:event-9"]


def test_a_wrong_result_and_a_wrong_status_are_seen(good: Story) -> None:
    good.runs[0] = listed(RUN, result=["run-2"])
    good.runs[1] = listed(ONE, "failed")
    good.runs[2] = listed(TWO, "cancelled")
    assert len(faults(good)) == 3


def test_a_recorded_step_that_runs_again_is_seen(good: Story) -> None:
    good.lines.append(line(9, "begin"))
    assert faults(good) == [f"{(RUN, 'run-1')} ran again after it had been recorded"]


def test_a_step_that_was_not_recorded_may_run_again(good: Story) -> None:
    good.lines.insert(0, line(0, "begin"))
    assert faults(good) == []


def test_a_process_that_was_stopped_may_finish_its_line(good: Story) -> None:
    good.lines += [Line(8.9, "driver", "continued", "a"), line(9, "begin")]
    assert faults(good) == []
    good.lines.append(line(30, "begin"))
    assert len(faults(good)) == 1


def test_another_key_and_a_lower_attempt_are_seen(good: Story) -> None:
    first = replace(good.lines[0], key="another", attempt=2)
    good.lines.insert(0, first)
    assert len(faults(good)) == 2


def test_a_write_after_a_cancel_is_seen(good: Story) -> None:
    good.runs[0] = listed(RUN, "cancelled")
    good.asked_to_cancel.add(RUN)
    good.steps_at_cancel[RUN] = ["run-1"]
    good.steps_at_end[RUN] = ["run-1"]
    good.lines.append(Line(3, "driver", "cancel acknowledged", RUN))
    assert faults(good) == []
    good.steps_at_end[RUN] = ["run-1", "run-2"]
    good.lines.append(line(9, "end", step="run-2"))
    assert len(faults(good)) == 2


def test_what_a_continued_process_records_counts_as_run_in_line(good: Story) -> None:
    good.lines.insert(0, Line(-0.1, "driver", "continued", "a"))
    assert faults(good) == []
    stale = line(0.05, "begin", TWO, "run-2", who="b")
    good.lines.insert(1, Line(0, "driver", "continued", "b"))
    good.lines.insert(2, stale)
    assert faults(good) == []


def test_runs_out_of_line_are_seen(good: Story) -> None:
    good.lines = [*good.lines[:3], *good.lines[6:], *good.lines[3:6]]
    assert len(faults(good)) == 1
