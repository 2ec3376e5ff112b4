"""Completions and quick edits, with a model that says what it is told to."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial

import pytest

from app.services.completing import AtCursor, Completing, NoEdit
from app.tools import page_at
from llm.faults import ModelUnavailable
from llm.model import TextPart
from tests.support.scripted_turns import ScriptedTurns, says
from tools.fetch.pages import WebPages
from tools.place import Provided

PageAt = Callable[[str], Awaitable[str]]

AT = AtCursor("src/a.ts", "const total = prices.", "\nreturn total\n")


@pytest.fixture
async def pages() -> AsyncIterator[PageAt]:
    async with WebPages() as pages:
        yield partial(page_at, Provided(pages))


def asked(model: ScriptedTurns) -> str:
    part = model.requests[-1].messages[-1].parts[-1]
    assert isinstance(part, TextPart)
    return part.text


async def test_the_model_sees_the_cursor_and_its_words_come_back(pages: PageAt) -> None:
    model = ScriptedTurns([says("reduce(sum, 0)")])
    assert await Completing(model, pages).suggestion(AT) == "reduce(sum, 0)"
    assert "const total = prices.<cursor/>\nreturn total" in asked(model)


@pytest.mark.parametrize(
    ("said", "suggested"),
    [
        pytest.param("```ts\nreduce(sum)\n```", "reduce(sum)", id="fenced"),
        pytest.param("const total = prices.map(f)", "map(f)", id="line repeated"),
        pytest.param("", "", id="nothing"),
        pytest.param("   ", "", id="blank"),
    ],
)
async def test_what_models_put_around_it_is_taken_away(
    pages: PageAt, said: str, suggested: str
) -> None:
    assert await Completing(ScriptedTurns([says(said)]), pages).suggestion(AT) == suggested


async def test_no_model_or_a_failing_one_suggests_nothing(pages: PageAt) -> None:
    assert await Completing(None, pages).suggestion(AT) == ""
    model = ScriptedTurns([ModelUnavailable("down")], partial="")
    assert await Completing(model, pages).suggestion(AT) == ""


async def test_code_is_never_a_template(pages: PageAt) -> None:
    odd = "price = `$&` + '$1' + \"{currentLine}\" + %s {0} \\1"
    model = ScriptedTurns([says("x"), says("y")])
    completing = Completing(model, pages)
    await completing.suggestion(AtCursor("{name}", odd, odd))
    assert f"{odd}<cursor/>{odd}" in asked(model)
    assert await completing.edit(odd, file=odd, instruction="{0} $&") == "y"
    assert odd in asked(model)
    assert asked(model).endswith("{0} $&")


async def test_a_large_file_is_cut_around_cursor_and_selection(pages: PageAt) -> None:
    model = ScriptedTurns([says("x"), says("y")])
    completing = Completing(model, pages)
    await completing.suggestion(AtCursor("a", "b" * 900_000 + "BEFORE", "AFTER" + "a" * 900_000))
    assert "BEFORE<cursor/>AFTER" in asked(model)
    assert len(asked(model)) < 10_000
    file = "x\n" * 400_000 + "const picked = 1\n" + "y\n" * 400_000
    await completing.edit("const picked = 1", file=file, instruction="two")
    assert asked(model).count("const picked = 1") == 2
    assert len(asked(model)) < 70_000


async def test_an_edit_without_an_answer_says_why(pages: PageAt) -> None:
    for replies in ([ModelUnavailable("down")], [says("")]):
        completing = Completing(ScriptedTurns(replies, partial=""), pages)
        with pytest.raises(NoEdit, match="Failed to generate edit"):
            await completing.edit("a", file="a", instruction="b")
    with pytest.raises(NoEdit, match="No model"):
        await Completing(None, pages).edit("a", file="a", instruction="b")


async def test_documentation_that_may_not_be_fetched_is_said_and_no_reason_to_fail(
    pages: PageAt,
) -> None:
    model = ScriptedTurns([says("done")])
    instruction = "as in http://127.0.0.1:1/secret and http://169.254.169.254/latest"
    assert await Completing(model, pages).edit("a", file="a", instruction=instruction) == "done"
    assert asked(model).count("It could not be read") == 2


async def test_a_cancel_closes_the_connection_to_the_model(pages: PageAt) -> None:
    model = ScriptedTurns([says("never")], hang_in_turn=0)
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(Completing(model, pages).suggestion(AT))
        await model.hanging.wait()
        waiting.cancel()
    assert model.closed == 1
