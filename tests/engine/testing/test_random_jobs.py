"""Random jobs end the same on the real engine and on the test engine."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import pytest

from core.errors import Refused
from engine import (
    Engine,
    Event,
    Job,
    JobContext,
    NonRetriable,
    RetryAfter,
    RetryPolicy,
    SqliteDatabase,
    StepFailed,
    job,
)
from engine.testing import TestEngine
from tests.engine.testing.test_contract import shape

SEEDS = range(40)
QUICKEST = RetryPolicy(max_attempts=3, min_timeout=0.001, max_timeout=0.005)

Kind = Literal["run", "try", "sleep", "wait", "send", "invoke", "both", "parallel", "restart"]
KINDS: list[Kind] = ["run", "try", "sleep", "wait", "send", "invoke", "both", "parallel", "restart"]
LEAVES: list[Kind] = ["run", "try", "sleep", "wait", "send", "invoke"]
Ctx = JobContext[dict[str, Any]]


@dataclass(frozen=True)
class Node:
    """Something that a job does; `fails` times at first."""

    kind: Kind
    step_id: str
    fails: int
    failure: Callable[[], Exception]
    inner: "tuple[Node, ...]" = ()


FAILURES: list[Callable[[], Exception]] = [
    partial(ValueError, "wrong"),
    partial(NonRetriable, "never"),
    partial(Refused, "change it"),
    partial(RetryAfter, "later", "1ms"),
]


def random_node(chance: random.Random, depth: int, is_branch: bool) -> Node:
    kind = chance.choice(KINDS if depth < 3 else LEAVES)
    if kind == "restart" and is_branch:
        kind = "run"  # how far the other branches got would be up to chance
    # A failure that ends the run ends it somewhere in the other branches.
    fails = chance.randint(0, 2 if is_branch and kind == "run" else 3)
    failure = chance.choice(FAILURES[:1] if is_branch and kind == "run" else FAILURES)
    inner: tuple[Node, ...] = ()
    if kind in {"both", "parallel"}:
        below = is_branch or kind == "parallel"
        inner = tuple(random_node(chance, depth + 1, below) for _ in range(chance.randint(1, 3)))
    return Node(kind, chance.choice("abc"), fails, failure, inner)


@job("child", on="test/child", retries=QUICKEST)
async def child(ctx: Ctx) -> str:
    async def work() -> str:
        return ctx.event.data["of"]

    return await ctx.step.run("work", work)


async def play(ctx: Ctx, node: Node) -> list[Any]:  # noqa: C901, PLR0911 - a case for each kind
    async def attempt() -> int:
        if ctx.attempt < node.fails:
            raise node.failure()
        return ctx.attempt

    match node.kind:
        case "run":
            return [await ctx.step.run(node.step_id, attempt)]
        case "try":
            try:
                return [await ctx.step.run(node.step_id, attempt)]
            except StepFailed as failed:
                return [str(failed)]
        case "sleep":
            await ctx.step.sleep(node.step_id, 0.002)
        case "wait":
            return [await ctx.step.wait_for_event(node.step_id, "test/never", timeout=0.003)]
        case "send":
            await ctx.step.send_event(node.step_id, Event("test/said", {"of": node.step_id}))
        case "invoke":
            return [await ctx.step.invoke(node.step_id, child, {"of": node.step_id})]
        case "both":
            return [await play(ctx, each) for each in node.inner]
        case "parallel":
            return await ctx.step.parallel(*(partial(play, ctx, each) for each in node.inner))
        case "restart":
            if ctx.attempt < node.fails:
                raise ConnectionError(f"attempt {ctx.attempt}")
    return []


def random_job(seed: int) -> Job[Any, list[Any]]:
    chance = random.Random(seed)  # noqa: S311 - a test
    nodes = [random_node(chance, 0, is_branch=False) for _ in range(chance.randint(1, 5))]

    @job(f"random-{seed}", on=f"test/random-{seed}", retries=QUICKEST)
    async def random_body(ctx: Ctx) -> list[Any]:
        return [await play(ctx, node) for node in nodes]

    return random_body


@pytest.mark.timeout(60)
async def test_random_jobs_end_as_on_the_real_engine(sqlite: SqliteDatabase) -> None:
    jobs = {seed: random_job(seed) for seed in SEEDS}
    ends: set[str] = set()
    async with Engine(jobs=[child, *jobs.values()], database=sqlite, grace_s=0.2) as engine:
        for seed, tested in jobs.items():
            event = Event(f"test/random-{seed}", id=f"test-{seed}")
            (run_id,) = (await engine.send(event)).run_ids
            info = await engine.wait(run_id, 20)
            real = sorted(map(shape, await engine.steps(run_id)), key=str)
            outcome = await TestEngine(tested, event=event, jobs=[child]).execute()
            ours = sorted(map(shape, outcome.steps.values()), key=str)
            assert (seed, outcome.status, ours) == (seed, info.status, real)
            assert (outcome.result, str(outcome.error)) == (info.result, str(info.error))
            ends.add(info.status)
    assert ends == {"completed", "failed"}
