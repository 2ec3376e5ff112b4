import os
import signal
from pathlib import Path

import pytest

from tests.embedded_convex.api import Api, FunctionFailed, serving


async def until_ran(api: Api, *names: str) -> list[str]:
    return await api.until(lambda ran: set(names) <= set(ran), "jobs:ran")


async def until_state(api: Api, job: str, *states: str) -> str:
    return await api.until(lambda state: state in states, "jobs:state", id=job)


async def test_a_scheduled_mutation_runs_once_without_its_schedulers_identity(
    tmp_path: Path,
) -> None:
    async with serving("basic", tmp_path / "data.sqlite") as (_, api):
        job = await api.mutation("jobs:schedule", delayMs=0, name="soon")
        assert await until_state(api, job, "success", "failed") == "success"
        assert await until_ran(api, "soon") == ["soon"]
        [record] = await api.query("jobs:states")
        assert record["name"] == "jobs.js:note"
        assert record["args"] == [{"name": "soon"}]


async def test_what_a_failed_mutation_scheduled_never_runs(tmp_path: Path) -> None:
    async with serving("basic", tmp_path / "data.sqlite") as (_, api):
        with pytest.raises(FunctionFailed):
            await api.mutation("jobs:scheduleThenFail")
        await api.mutation("jobs:schedule", delayMs=0, name="after")
        assert await until_ran(api, "after") == ["after"]


async def test_a_failed_job_says_why_and_leaves_nothing(tmp_path: Path) -> None:
    async with serving("basic", tmp_path / "data.sqlite") as (_, api):
        job = await api.mutation("jobs:schedule", delayMs=0, name="bad", fails=True)
        assert await until_state(api, job, "success", "failed") == "failed"
        [record] = await api.query("jobs:states")
        assert "job failed" in record["state"]["error"]
        assert await api.query("jobs:ran") == []


async def test_a_cancelled_job_never_runs(tmp_path: Path) -> None:
    async with serving("basic", tmp_path / "data.sqlite") as (_, api):
        job = await api.mutation("jobs:schedule", delayMs=300, name="cancelled")
        await api.mutation("jobs:cancel", id=job)
        later = await api.mutation("jobs:schedule", delayMs=400, name="later")
        assert await until_state(api, later, "success") == "success"
        assert await api.query("jobs:state", id=job) == "canceled"
        assert await api.query("jobs:ran") == ["later"]


async def test_a_job_may_cancel_itself(tmp_path: Path) -> None:
    async with serving("basic", tmp_path / "data.sqlite") as (_, api):
        job = await api.mutation("jobs:scheduleSelfCancelling")
        assert await until_state(api, job, "success", "failed", "canceled") == "canceled"


async def test_actions_schedule_and_are_scheduled(tmp_path: Path) -> None:
    async with serving("basic", tmp_path / "data.sqlite") as (_, api):
        await api.action("jobs:scheduleFromAction", name="from action")
        job = await api.mutation("jobs:scheduleAction", name="slow", waitMs=1)
        assert await until_state(api, job, "success", "failed") == "success"
        await until_ran(api, "from action", "slow started", "slow ended")


@pytest.mark.timeout(30)
async def test_jobs_survive_kill_9_mutations_run_once_and_actions_at_most_once(
    tmp_path: Path,
) -> None:
    data = tmp_path / "data.sqlite"
    async with serving("basic", data) as (convex, api):
        waiting = await api.mutation("jobs:schedule", delayMs=1500, name="after restart")
        action = await api.mutation("jobs:scheduleAction", name="cut", waitMs=60_000)
        await until_ran(api, "cut started")
        os.kill(convex.pid, signal.SIGKILL)
        await convex.wait()
    async with serving("basic", data) as (_, api):
        assert await until_state(api, action, "failed") == "failed"
        assert await until_state(api, waiting, "success") == "success"
        assert sorted(await api.query("jobs:ran")) == ["after restart", "cut started"]


@pytest.mark.timeout(30)
async def test_crons_run_at_their_interval_and_at_once_when_new(tmp_path: Path) -> None:
    async with serving("crons", tmp_path / "data.sqlite") as (_, api):
        await api.until(lambda count: count >= 2, "beats:count")
