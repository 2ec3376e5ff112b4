"""Plain data with the names of Python is stored as its model would store it."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, Field, SecretStr
from pydantic.alias_generators import to_camel

from engine import Event, EventData, JobContext, job
from engine.testing import TestEngine
from tests.engine.conftest import Start
from tests.engine.things import QUICK, Asked, Notes, until_waiting


class Approved(EventData, event="test/approved"):
    question_id: str
    by: str = "nobody"


@job("approval", on=Asked)
async def approval(ctx: JobContext[Asked]) -> str:
    found = await ctx.step.wait_for_event("w", Approved, match="data.questionId", timeout="5s")
    return "timeout" if found is None else found.data.by


@job("approved", on=Approved)
async def approved(ctx: JobContext[Approved]) -> str:
    return ctx.event.data.by


async def test_event_with_python_names_is_found_by_the_names_of_its_model(start: Start) -> None:
    engine = await start([approval, approved])
    sent = await engine.send(Event("test/asked", {"question_id": "q1"}))
    await until_waiting(engine, sent.run_ids[0])
    stored = await engine.send(Event("test/approved", {"question_id": "q1"}))
    assert await engine.result(sent.run_ids[0], 5) == "nobody"
    info = await engine.inspect.event(stored.event_id)
    assert info.event.data == {"questionId": "q1", "by": "nobody"}


async def test_data_to_trigger_and_to_invoke_with_is_stored_as_the_model_stores_it(
    start: Start,
) -> None:
    @job("parent", on="test/parent")
    async def parent(ctx: JobContext[dict[str, Any]]) -> str:
        return await ctx.step.invoke("child", approved, {"question_id": "q1", "by": "bob"})

    engine = await start([approved, parent])
    (sent,) = await engine.trigger_many(approved, [Event("x", {"question_id": "q1"})])
    assert (await engine.inspect.event(sent.event_id)).event.data["questionId"] == "q1"
    run_id = (await engine.send(Event("test/parent"))).run_ids[0]
    assert await engine.result(run_id, 5) == "bob"
    detail = await engine.inspect.run(f"{run_id}:child")
    assert detail.event is not None
    assert detail.event.data == {"questionId": "q1", "by": "bob"}


async def test_data_that_does_not_fit_the_job_to_invoke_fails_the_step(start: Start) -> None:
    @job("parent", on="test/parent", retries=0)
    async def parent(ctx: JobContext[dict[str, Any]]) -> str:
        return await ctx.step.invoke("child", approved, {"question": "q1"})

    engine = await start([approved, parent])
    info = await engine.wait((await engine.send(Event("test/parent"))).run_ids[0], 5)
    assert "questionId: Field required" in str(info.error)
    assert "questionId: Field required" in str(
        (await TestEngine(parent, event=Event("test/parent"), jobs=[approved]).execute()).error
    )


class Login(EventData, event="test/login"):
    user_name: str
    password: SecretStr


async def test_data_that_its_model_would_not_give_back_is_stored_as_it_was_sent(
    start: Start,
) -> None:
    @job("login", on=Login)
    async def login(ctx: JobContext[Login]) -> str:
        return ctx.event.data.password.get_secret_value()

    engine = await start([login])
    sent = await engine.send(Event("test/login", {"user_name": "ann", "password": "tulip"}))
    assert await engine.result(sent.run_ids[0], 5) == "tulip"


class Answer(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel)

    question_id: str


class ByName(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel, validate_by_alias=False, validate_by_name=True
    )

    question_id: str


class OneWay(BaseModel):
    question_id: str = Field(serialization_alias="id_of_question")


ANSWER = Answer.model_validate({"questionId": "q1"})


@dataclass(frozen=True)
class Several:
    answers: list[Answer]


async def plain_answer() -> Answer:
    await asyncio.sleep(0)
    return {"question_id": "q1"}  # pyright: ignore[reportReturnType] - that is what is tested


async def plain_answers() -> list[Answer]:
    await asyncio.sleep(0)
    return [{"questionId": "q1"}]  # pyright: ignore[reportReturnType] - as above


async def by_name() -> ByName:
    return ByName(question_id="q1")


async def one_way() -> OneWay:
    return OneWay(question_id="q1")


async def several() -> Several:
    return Several([ANSWER])


@job("answers", on=Asked, retries=QUICK)
async def answers(ctx: JobContext[Asked]) -> Answer:
    notes = ctx.need(Notes)
    notes.write(repr(await ctx.step.run("plain", plain_answer)))
    notes.write(repr(await ctx.step.run("plains", plain_answers)))
    notes.write(repr(await ctx.step.run("by-name", by_name)))
    notes.write(repr(await ctx.step.run("one-way", one_way)))
    notes.write(repr(await ctx.step.run("several", several)))
    if ctx.attempt == 0:
        raise ConnectionError
    return {"question_id": "q1"}  # pyright: ignore[reportReturnType] - as above


async def test_result_of_a_step_comes_back_as_its_type_whatever_its_names(start: Start) -> None:
    notes = Notes()
    engine = await start([answers], provide=[notes])
    sent = await engine.send(Asked())
    assert await engine.result(sent.run_ids[0], 5) == {"questionId": "q1"}
    answer = repr(ANSWER)
    once = [
        answer,
        f"[{answer}]",
        repr(ByName(question_id="q1")),
        repr(OneWay(question_id="q1")),
        repr(Several([ANSWER])),
    ]
    assert notes.lines == once * 2
    stored = {step.step_id: step.result for step in await engine.steps(sent.run_ids[0])}
    assert stored["plain"] == stored["by-name"] == {"questionId": "q1"}


async def test_mocks_are_plain_data_with_either_names() -> None:
    notes = Notes()
    mocks = {"plain": {"question_id": "mine"}, "plains": [{"questionId": "mine"}]}
    outcome = await TestEngine(answers, event=Asked(), steps=mocks, provide=[notes]).execute()
    assert outcome.result == ANSWER
    assert notes.lines[:2] == ["Answer(question_id='mine')", "[Answer(question_id='mine')]"]


@pytest.mark.parametrize("value", ["5", 5.5, {"a": 1}])
async def test_result_of_another_type_is_still_refused(value: object) -> None:
    async def number() -> int:
        await asyncio.sleep(0)
        return value  # pyright: ignore[reportReturnType] - as above

    @job("odd", on=Asked, retries=0)
    async def odd(ctx: JobContext[Asked]) -> None:
        await ctx.step.run("number", number)

    outcome = await TestEngine(odd, event=Asked()).execute()
    assert "returned what cannot be stored" in str(outcome.error)
