"""Faults of a provider, on the wire, with both adapters: what is retried, what is raised, how."""

from typing import Any

import pytest

from llm.faults import (
    BudgetSpent,
    Misconfigured,
    ModelRefused,
    ModelUnauthorized,
    ModelUnavailable,
    ModelUnknown,
    PromptTooLong,
    StreamBroken,
)
from llm.model import TextDelta, TextPart
from llm.retry import Patience
from llm.scripted.process import ScriptedModel, scripted_here
from tests.support.scripted_model import (
    ADAPTERS,
    API_KEY,
    QUICK,
    Play,
    Scripted,
    ask,
    model_at,
    scenario,
)

LONG = "word " * 200
ONCE = Patience(attempts=1)
IDLE_S = 0.6  # short for the test, long for a busy machine; only a hang may wait for it


def patience_for(kind: str, *, attempts: int = 1) -> Patience:
    """Little patience with what hangs, the usual one with the rest."""
    return Patience(attempts=attempts, first_s=0.01, idle_s=IDLE_S if kind == "hang" else 300)


def status(code: int, **more: Any) -> dict[str, Any]:
    return {"fault": {"kind": "status", "status": code, **more}}


@pytest.mark.parametrize("code", [408, 409, 429, 500, 502, 503, 529])
async def test_a_passing_status_is_retried_until_the_answer(play: Play, code: int) -> None:
    scripted = await play({"times": 2, "reply": status(code)}, {"text": "at last"})
    _, turn = await scripted.turn(ask())
    assert turn.message.parts == (TextPart("at last"),)
    assert len(await scripted.server.requests()) == 3


@pytest.mark.parametrize("code", [429, 500, 529])
async def test_a_status_that_does_not_pass_is_unavailable(play: Play, code: int) -> None:
    scripted = await play(status(code))
    with pytest.raises(ModelUnavailable, match="cannot answer now"):
        await scripted.turn(ask())
    assert len(await scripted.server.requests()) == QUICK.attempts


async def test_retry_after_is_waited_for(play: Play) -> None:
    scripted = await play({"times": 1, "reply": status(429, retry_after_s=0.3)}, {"text": "ok"})
    await scripted.turn(ask())
    first, second = await scripted.server.requests()
    assert second["started_at"] - first["finished_at"] >= 0.3


async def test_a_long_retry_after_goes_to_the_caller(play: Play) -> None:
    scripted = await play(status(429, retry_after_s=600))
    with pytest.raises(ModelUnavailable, match="rate limit") as caught:
        await scripted.turn(ask())
    assert caught.value.retry_after_s == 600
    assert len(await scripted.server.requests()) == 1


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (400, ModelRefused),
        (401, ModelUnauthorized),
        (402, BudgetSpent),
        (403, ModelUnauthorized),
        (405, Misconfigured),
        (413, PromptTooLong),
        (422, ModelRefused),
    ],
)
async def test_a_refusal_is_not_retried(play: Play, code: int, error: type[ModelRefused]) -> None:
    scripted = await play(status(code))
    with pytest.raises(ModelRefused) as caught:
        await scripted.turn(ask())
    assert type(caught.value) is error
    assert len(await scripted.server.requests()) == 1


async def test_a_wrong_key_is_named_without_the_key(play: Play) -> None:
    scripted = await play({"text": "x"}, keys=["another"])
    with pytest.raises(ModelUnauthorized, match="does not accept the API key") as caught:
        await scripted.turn(ask())
    assert API_KEY not in repr(caught.value)
    assert caught.value.__cause__ is None


async def test_an_unknown_model_is_named(play: Play) -> None:
    scripted = await play({"text": "x"}, models=["other"])
    with pytest.raises(ModelUnknown, match=scripted.model.name):
        await scripted.turn(ask())


async def test_a_prompt_over_the_window_is_too_long(play: Play) -> None:
    scripted = await play({"text": "x"}, context_window=1_000)
    with pytest.raises(PromptTooLong, match="no longer fits"):
        await scripted.turn(ask("long " * 2_000))


async def test_what_the_provider_says_of_a_bad_request_is_quoted_short(play: Play) -> None:
    scripted = await play(status(400, message="tools.0.name: wrong\n" + "payload " * 500))
    with pytest.raises(ModelRefused, match=r"tools\.0\.name: wrong payload") as caught:
        await scripted.turn(ask())
    assert len(str(caught.value)) < 400


async def broken_after(
    play: Play, fault: dict[str, Any], error: type[Exception], *, attempts: int = 1
) -> tuple[str, Exception, int]:
    """The text that was seen before the error, the error, and how often the server was asked."""
    patience = patience_for(fault["kind"], attempts=attempts)
    scripted = await play({"text": LONG, "fault": fault}, patience=patience)
    seen = ""

    async def read() -> None:
        nonlocal seen
        async for event in scripted.model.stream(ask()):
            if isinstance(event, TextDelta):
                seen += event.text

    with pytest.raises(error) as caught:
        await read()
    return seen, caught.value, len(await scripted.server.requests())


@pytest.mark.parametrize("kind", ["error_event", "early_end", "drop", "hang"])
async def test_an_answer_that_stops_in_the_middle_is_broken(play: Play, kind: str) -> None:
    """Traps 1, 2, 4 and 5; a hang is found by the idle timeout."""
    seen, error, asked = await broken_after(play, {"kind": kind, "after_chars": 100}, StreamBroken)
    assert seen == LONG[:100]
    assert "stopped in the middle" in str(error)
    assert asked == 1


@pytest.mark.parametrize("kind", ["error_event", "early_end", "drop", "hang"])
async def test_an_answer_that_stops_before_its_first_word_is_unavailable(
    play: Play, kind: str
) -> None:
    seen, _, asked = await broken_after(
        play, {"kind": kind, "after_chars": 0}, ModelUnavailable, attempts=2
    )
    assert seen == ""
    assert asked == 2


@pytest.mark.parametrize("kind", ["drop", "hang"])
async def test_a_server_that_never_answers_is_unavailable(play: Play, kind: str) -> None:
    await broken_after(play, {"kind": kind, "after_chars": None}, ModelUnavailable)


async def test_pings_are_no_sign_of_an_answer(play: Play) -> None:
    fault = {"kind": "hang", "after_chars": 50, "pings": True}
    _, error, _ = await broken_after(play, fault, StreamBroken)
    assert "no sign of an answer" in str(error)


async def test_an_answer_without_its_last_event_is_broken_even_if_all_text_came(
    play: Play,
) -> None:
    seen, _, _ = await broken_after(
        play, {"kind": "early_end", "after_chars": 10_000}, StreamBroken
    )
    assert seen == LONG


async def test_an_overload_in_the_middle_says_so(play: Play) -> None:
    """Trap 1: the SDK reports it with the status 200."""
    fault = {"kind": "error_event", "after_chars": 50, "error": "overloaded_error"}
    _, error, _ = await broken_after(play, fault, StreamBroken)
    assert "overloaded" in str(error)


async def test_an_invalid_request_reported_in_the_middle_is_refused(play: Play) -> None:
    fault = {"kind": "error_event", "after_chars": 0, "error": "invalid_request_error"}
    await broken_after(play, fault, ModelRefused)


async def test_a_tool_call_that_breaks_off_with_the_stream_is_no_turn(play: Play) -> None:
    call = {"name": "writeFile", "arguments": {"path": "a.py", "content": "x" * 200}}
    scripted = await play(
        {"tool_calls": [call], "fault": {"kind": "early_end", "after_chars": 40}}, patience=ONCE
    )
    with pytest.raises(StreamBroken):
        await scripted.turn(ask())


async def test_what_broke_off_says_what_it_took_as_far_as_the_provider_has_said_it() -> None:
    async with (
        scripted_here(
            scenario({"text": LONG, "fault": {"kind": "drop", "after_chars": 100}})
        ) as server,
        model_at("anthropic", server.url) as model,
    ):
        with pytest.raises(StreamBroken) as caught:
            await Scripted(model, server).turn(ask())
    assert caught.value.usage.tokens > 0
    assert (caught.value.usage.cost_usd or 0) > 0


@pytest.mark.parametrize("protocol", sorted(ADAPTERS))
async def test_a_port_where_nothing_listens_is_unavailable(protocol: str) -> None:
    async with ADAPTERS[protocol](ScriptedModel("http://127.0.0.1:9"), ONCE) as model:
        with pytest.raises(ModelUnavailable, match="connection"):
            await anext(model.stream(ask()))
