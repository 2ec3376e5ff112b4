"""An engine that does not run refuses whatever is asked of it, and says how to start it."""

from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import Any

import pytest

from engine import Engine, EngineNotRunning, SqliteDatabase
from tests.engine.things import Asked

ANSWERS = {"expression_errors", "live_runs"}  # of this process, whether or not an engine runs


async def enter(subscription: Any) -> None:
    async with subscription:
        pass


CALLS: dict[str, Callable[[Engine], Awaitable[Any] | Any]] = {
    "cancel": lambda engine: engine.cancel("run"),
    "cancel_many": lambda engine: engine.cancel_many("job"),
    "forget": lambda engine: engine.forget("user"),
    "inspect": lambda engine: engine.inspect,
    "is_waiting": lambda engine: engine.is_waiting("run"),
    "pause": lambda engine: engine.pause("job"),
    "paused": lambda engine: engine.paused(),
    "publish": lambda engine: engine.publish("channel", "topic", 1),
    "publish_all": lambda engine: engine.publish_all([]),
    "reencrypt": lambda engine: engine.reencrypt(),
    "replay": lambda engine: engine.replay("run"),
    "rerun": lambda engine: engine.rerun("run"),
    "result": lambda engine: engine.result("run", 1),
    "resume": lambda engine: engine.resume("job"),
    "run": lambda engine: engine.run("run"),
    "runs": lambda engine: engine.runs(),
    "send": lambda engine: engine.send(Asked()),
    "send_many": lambda engine: engine.send_many([Asked()]),
    "send_signal": lambda engine: engine.send_signal("signal"),
    "steps": lambda engine: engine.steps("run"),
    "subscribe": lambda engine: engine.subscribe("channel"),
    "subscribe_with": lambda engine: engine.subscribe_with("token"),
    "subscription_token": lambda engine: engine.subscription_token("channel"),
    "sweep": lambda engine: engine.sweep(),
    "trigger_many": lambda engine: engine.trigger_many("job", [Asked()]),
    "wait": lambda engine: engine.wait("run", 1),
}


def test_every_call_is_tried() -> None:
    public = {name for name in vars(Engine) if not name.startswith("_")}
    assert public == {*CALLS, *ANSWERS}


async def ask(engine: Engine, name: str) -> None:
    answer = CALLS[name](engine)
    if isawaitable(answer):
        await answer


async def refuses(engine: Engine, name: str) -> None:
    with pytest.raises(EngineNotRunning, match="use it inside `async with engine`"):
        await ask(engine, name)


@pytest.mark.parametrize("name", sorted(CALLS))
async def test_an_engine_refuses_before_its_start_and_after_its_end(
    sqlite: SqliteDatabase, name: str
) -> None:
    engine = Engine(jobs=[], database=sqlite)
    await refuses(engine, name)
    async with engine:
        pass
    await refuses(engine, name)
    async with engine:
        assert engine.live_runs() == []
        assert await engine.runs() == []


async def test_a_subscription_made_while_the_engine_ran_is_not_begun_later(
    sqlite: SqliteDatabase,
) -> None:
    async with Engine(jobs=[], database=sqlite) as engine:
        subscription = engine.subscribe("channel")
    with pytest.raises(EngineNotRunning):
        await enter(subscription)
