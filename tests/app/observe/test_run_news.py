"""What runs say of themselves: no run waits for it, and what is said again has the same ids."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agent.durable import AskAgain, AskRef, CondensedRef, TurnRef
from agent.person import RequestId
from app.observe import run_news
from app.observe.news import runs_channel
from app.observe.run_news import NewsOfRuns
from core.clock import SystemClock
from core.usage import Usage
from engine import (
    Engine,
    Event,
    EventData,
    Job,
    JobContext,
    Messages,
    RetryPolicy,
    SqliteDatabase,
    job,
)
from llm.model import StopReason

pytestmark = pytest.mark.timeout(30)

USAGE = Usage(input_tokens=10, output_tokens=5, cost_usd=0.25)
UNTIL = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Wanted(EventData, event="news/wanted"):
    project_id: str = "p1"
    message_id: str = "m1"
    secret: str = "hush"  # noqa: S105 - it is none


class Answer(EventData, event="news/answered"):
    """Nobody gives one."""


async def turn() -> TurnRef:
    return TurnRef(0, StopReason.END, "test/one", USAGE, 3)


async def condense() -> CondensedRef:
    return CondensedRef(is_done=True, usage=USAGE)


async def wait() -> AskAgain:
    return AskAgain(UNTIL, 1.0)


async def ask() -> AskRef:
    return AskRef(RequestId("a1"), 60.0)


async def fail() -> None:
    raise ValueError("hush")


async def begin(gate: asyncio.Event) -> None:
    await gate.wait()


@job("talk", on=Wanted, retries=RetryPolicy(max_attempts=1))
async def talk(ctx: JobContext[Wanted]) -> str:
    await ctx.step.run("begin", begin, ctx.need(asyncio.Event))
    await ctx.step.run("condense", condense)
    await ctx.step.run("turn-0", turn)
    await ctx.step.run("turn-1", wait)
    await ctx.step.sleep("nap", 0.01)
    await ctx.step.run("ask-1", ask)
    await ctx.step.wait_for_event("answer-1", Answer, timeout=0.05)
    await ctx.step.wait_for_event("other", Answer, timeout=0.05)
    return "done"


@job("break", on=Wanted, retries=RetryPolicy(max_attempts=1))
async def break_down(ctx: JobContext[Wanted]) -> None:
    await ctx.step.run("begin", begin, ctx.need(asyncio.Event))
    await ctx.step.run("fail", fail)


@job("linger", on=Wanted)
async def linger(ctx: JobContext[Wanted]) -> None:
    await ctx.step.run("begin", begin, ctx.need(asyncio.Event))
    await ctx.step.sleep("long", 3_600)


Told = tuple[str, dict[str, Any]]


class Site:
    """An engine in a folder with one job, whose runs say how they go."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.gate = asyncio.Event()
        self.ids: list[str] = []

    @asynccontextmanager
    async def running(self, *jobs: Job[Any, Any]) -> AsyncGenerator[Engine]:
        news = NewsOfRuns(SystemClock())
        engine = Engine(
            jobs=jobs,
            database=SqliteDatabase(self.folder / "engine.db"),
            provide=[self.gate],
            middleware=[news],
            grace_s=0.1,
        )
        async with engine, news.telling(engine):
            yield engine

    async def heard(self, messages: Messages[Any], *ends: str) -> list[Told]:
        """What is said, until a state of `ends`."""
        told: list[Told] = []
        async with asyncio.timeout(10):
            while not told or told[-1][1].get("state") not in ends:
                message = await anext(messages)
                self.ids.append(message.id)
                told.append((message.topic, message.data))
        return told


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


async def test_a_run_says_its_steps_turns_and_states(site: Site) -> None:
    async with site.running(talk) as engine:
        (run_id,) = (await engine.send(Wanted())).run_ids
        async with engine.subscribe(f"run:{run_id}") as messages:
            site.gate.set()
            told = await site.heard(messages, "completed")
    begun = [data.get("stepId") for _, data in told].index("condense")
    told = told[begun:]  # what came before the gate was open may have been said to nobody
    states = [data for topic, data in told if topic == "state"]
    assert [data["state"] for data in states] == [
        *("waiting", "running"),  # for the provider
        *("asking", "running"),
        *("waiting", "running"),  # for another event
        "completed",
    ]
    assert (states[0]["until"], states[2]["askId"]) == ("2026-01-01T12:00:00Z", "a1")
    usage = {"inputTokens": 10, "outputTokens": 5, "cacheReadTokens": 0, "cacheWriteTokens": 0}
    usage |= {"costUsd": 0.25}
    by_topic = {topic: data for topic, data in told if topic in {"turn", "condensed"}}
    assert by_topic["condensed"] == {"isDone": True, "usage": usage}
    assert by_topic["turn"] == {
        "turn": 0,
        "model": "test/one",
        "stopReason": "end",
        "usage": usage,
        "calls": [],
    }
    steps = [
        (data["stepId"], data["kind"], data["status"]) for topic, data in told if topic == "step"
    ]
    assert steps[:2] == [
        ("condense", "run", "started"),
        ("condense", "run", "completed"),
    ]
    assert ("nap", "sleep", "completed") in steps
    assert max(Counter(site.ids).values()) == 1


async def test_a_project_hears_how_its_runs_stand_and_of_what_they_are(site: Site) -> None:
    site.gate.set()
    async with (
        site.running(talk) as engine,
        engine.subscribe("project:p1") as messages,
        engine.subscribe("project:p2") as others,
    ):
        (run_id,) = (await engine.send(Wanted())).run_ids
        told = await site.heard(messages, "completed")
        await engine.publish("project:p2", "run", {"state": "nothing"})
        assert len(await site.heard(others, "nothing")) == 1
    assert {topic for topic, _ in told} == {"run"}
    shared = {"runId": run_id, "job": "talk", "about": {"messageId": "m1"}}
    assert told[0][1] == {"state": "running", "until": None, "askId": None} | shared
    assert "hush" not in str(told)


async def test_a_failure_is_told_without_its_text(site: Site) -> None:
    async with site.running(break_down) as engine:
        (run_id,) = (await engine.send(Wanted())).run_ids
        async with engine.subscribe(f"run:{run_id}") as messages:
            site.gate.set()
            told = await site.heard(messages, "failed")
    assert ("fail", "failed") in [(data.get("stepId"), data.get("status")) for _, data in told]
    assert "hush" not in str(told)


async def test_a_cancelled_run_says_so_last(site: Site) -> None:
    site.gate.set()
    async with site.running(linger) as engine, engine.subscribe("project:p1") as messages:
        (run_id,) = (await engine.send(Wanted())).run_ids
        await site.heard(messages, "waiting")
        await engine.cancel(run_id)
        told = await site.heard(messages, "cancelled")
    assert [data["state"] for _, data in told] == ["cancelled"]


async def test_a_step_that_runs_again_says_the_same_again(site: Site) -> None:
    for has_died in (False, True):
        async with site.running(talk) as engine, engine.subscribe("project:p1") as messages:
            if not has_died:
                await engine.send(Wanted())
                await site.heard(messages, "running")
            else:
                site.gate.set()
                await site.heard(messages, "completed")
    assert site.ids[0] == site.ids[1]
    assert max(Counter(site.ids[1:]).values()) == 1


async def test_what_nobody_takes_away_is_bounded(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(run_news, "WAITING", 3)
    site.gate.set()
    news = NewsOfRuns(SystemClock())
    database = SqliteDatabase(site.folder / "engine.db")
    async with Engine(
        jobs=[talk], database=database, provide=[site.gate], middleware=[news]
    ) as engine:
        (run_id,) = (await engine.send(Wanted())).run_ids
        assert await engine.result(run_id, 10) == "done"  # no run waits for it
        async with engine.subscribe("project:p1") as messages, news.telling(engine):
            await site.heard(messages, "running")
    dropped = [each.message for each in caplog.records if "dropped" in each.message]
    assert dropped == ["run_news_dropped"]


async def test_lists_hear_of_a_run_from_its_beginning_everybodys_and_its_persons(
    site: Site,
) -> None:
    site.gate.set()
    async with (
        site.running(talk) as engine,
        engine.subscribe(runs_channel(None)) as all_runs,
        engine.subscribe(runs_channel("ada")) as of_ada,
        engine.subscribe(runs_channel("eve")) as of_eve,
    ):
        (run_id,) = (await engine.send(Wanted(), user={"id": "ada"})).run_ids
        told = await site.heard(all_runs, "completed")
        assert await site.heard(of_ada, "completed") == told
        await engine.publish(runs_channel("eve"), "run", {"state": "nothing"})
        assert len(await site.heard(of_eve, "nothing")) == 1
    (topic, event), *told = told
    assert (topic, event["name"], event["runIds"]) == ("event", "news/wanted", [run_id])
    assert [data["state"] for _, data in told][:2] == ["queued", "running"]
    assert {(topic, data["runId"], data["job"]) for topic, data in told} == {
        ("run", run_id, "talk")
    }


@job("asks-below", on="below/wanted")
async def asks_below(ctx: JobContext[dict[str, Any]]) -> str:
    return await ctx.step.invoke("child", talk, Wanted())


async def test_what_a_run_invokes_is_told_to_whom_the_run_belongs(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.gate.set()
    async with (
        site.running(asks_below, talk) as engine,
        engine.subscribe(runs_channel("ada")) as of_ada,
    ):
        (run_id,) = (await engine.send(Event("below/wanted"), user={"id": "ada"})).run_ids
        told = await site.heard(of_ada, "completed")
    assert f"{run_id}:child" in {data.get("runId") for _, data in told}
