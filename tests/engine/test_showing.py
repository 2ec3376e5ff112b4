"""What people see of the arguments of steps: bounded, without secrets, whatever they are."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, SecretStr

from engine import JobContext, NonRetriable, StepFailed, job
from engine.steps.shown import MAX_CHARS, MAX_ITEMS, shown, shown_call
from engine.testing import TestEngine
from tests.engine.conftest import Start
from tests.engine.things import Asked


class Login(BaseModel):
    name: str
    password: SecretStr
    token: str = Field(default="t0ken", repr=False)


@dataclass
class Point:
    x: int
    at: datetime
    hidden: str = field(default="secret", repr=False)


class Service:
    """No data."""


def test_models_and_dataclasses_are_shown_without_secrets() -> None:
    login = shown(Login(name="ada", password=SecretStr("pa55")))
    assert login == {"name": "ada", "password": "<SecretStr>"}
    point = Point(1, datetime(2026, 1, 1, tzinfo=UTC))
    assert shown([point]) == [{"x": 1, "at": "2026-01-01 00:00:00+00:00"}]


def test_what_is_no_data_is_shown_as_its_type() -> None:
    assert shown_call((Service(), Path("a/b")), {"fn": len}) == {
        "args": ["<Service>", "a/b"],
        "kwargs": {"fn": "<builtin_function_or_method>"},
    }
    assert shown_call((), {}) is None


def test_long_texts_and_lists_are_cut() -> None:
    text = shown("x" * 10_000)
    assert len(text) < MAX_CHARS + 30
    assert text.endswith("(10000 chars)")
    assert shown(list(range(100))) == [*range(MAX_ITEMS), "… (100 items)"]
    assert shown_call(tuple(range(100)), {}) == {"args": [*range(MAX_ITEMS), "… (100 items)"]}


def test_what_holds_itself_is_cut() -> None:
    loop: list[Any] = []
    loop.append(loop)
    assert json.dumps(shown(loop)) == '[[[["<list>"]]]]'


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.dates(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner),
)


@given(anything)
def test_anything_is_shown_as_json(value: Any) -> None:
    json.dumps(shown(value), allow_nan=False)


async def fetch(url: str, *, tries: int) -> str:
    if tries == 0:
        raise NonRetriable("no tries")
    return url


@job("fetching", on=Asked)
async def fetching(ctx: JobContext[Asked]) -> str:
    await ctx.step.run("fetch", fetch, "there", tries=2)
    try:
        await ctx.step.run("fails", fetch, "here", tries=0)
    except StepFailed:
        return "done"
    return "not failed"


async def test_inputs_of_steps_are_kept_also_of_those_that_fail(start: Start) -> None:
    engine = await start([fetching])
    sent = await engine.send(Asked())
    assert await engine.result(sent.run_ids[0], 5) == "done"
    good, bad = await engine.steps(sent.run_ids[0])
    assert (good.input, good.result) == ({"args": ["there"], "kwargs": {"tries": 2}}, "there")
    assert (bad.input, bad.result) == ({"args": ["here"], "kwargs": {"tries": 0}}, None)


async def test_inputs_of_steps_are_in_the_outcome_of_a_test() -> None:
    outcome = await TestEngine(fetching, event=Asked()).execute()
    assert outcome.steps["fetch"].input == {"args": ["there"], "kwargs": {"tries": 2}}
    assert outcome.steps["fails"].input == {"args": ["here"], "kwargs": {"tries": 0}}
