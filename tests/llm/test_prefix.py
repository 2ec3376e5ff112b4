"""The explainer names the first byte at which a request leaves the one before it."""

import logging
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest

from core.ids import ToolCallId
from llm.catalog import UNKNOWN
from llm.model import (
    AssistantMessage,
    ModelRequest,
    TextPart,
    ToolCall,
    ToolResult,
    UserMessage,
)
from llm.openai_request import request_body
from llm.prefix import CONVERSATIONS, Broken, PrefixWatch, broken_at, pieces_of
from llm.providers import CEREBRAS, OLLAMA, OPENAI, OPENROUTER, Provider
from llm.scripted.process import scripted_here
from tests.support.scripted_model import ADAPTERS, READ_FILE, ask, scenario

MESSAGES: dict[str, Any] = {
    "tools": [
        {"name": "readFile", "input_schema": {}},
        {"name": "editFile", "input_schema": {}, "cache_control": {"type": "ephemeral"}},
    ],
    "tool_choice": "auto",
    "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
    "messages": [
        {"role": "user", "content": [{"type": "text", "text": "Read it"}]},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "c1", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "content": "x" * 10}]},
    ],
}
CHAT: dict[str, Any] = {
    "tools": [{"type": "function", "function": {"name": "readFile"}}],
    "tool_choice": "auto",
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Read it"},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "c1"}]},
        {"role": "tool", "tool_call_id": "c1", "content": "x" * 10},
    ],
}


def broken(before: dict[str, Any], after: dict[str, Any], protocol: Any) -> Broken | None:
    return broken_at(pieces_of(before, protocol), pieces_of(after, protocol))


def test_a_request_that_goes_on_is_whole_also_where_the_marks_of_the_cache_move() -> None:
    after = deepcopy(MESSAGES)
    after["messages"][2]["content"][0]["cache_control"] = {"type": "ephemeral"}
    after["messages"][2]["content"].append({"type": "text", "text": "And?"})
    after["messages"].append({"role": "assistant", "content": [{"type": "text", "text": "Done"}]})
    del after["tools"][1]["cache_control"]
    assert broken(MESSAGES, after, "messages") is None
    chat = deepcopy(CHAT)
    chat["messages"] += [{"role": "user", "content": "And?"}]
    assert broken(CHAT, chat, "chat") is None
    chat["messages"][-1]["content"] += "\n\nMore"
    assert broken({**CHAT, "messages": chat["messages"][:5]}, chat, "chat") is None


def changed(path: list[Any], value: Any, body: dict[str, Any]) -> dict[str, Any]:
    after = deepcopy(body)
    place = after
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return after


@pytest.mark.parametrize(
    ("path", "value", "where", "in_piece"),
    [
        (["tools", 0, "input_schema"], {"a": 1}, "tools[0] readFile", 38),
        (["tools", 1, "name"], "writeFile", "tools[1] editFile", 0),
        (["system", 0, "text"], "Be brief!", "system[0] text", 34),
        (["tool_choice"], "none", "tool_choice", 1),
        (["messages", 0, "content", 0, "text"], "Read 1", "messages[0].content[0] text", 31),
        (["messages", 1, "role"], "user", "messages[1] assistant", 0),
        (["messages", 2, "content", 0, "content"], "xxx", "messages[2].content[0] tool_result", 39),
    ],
)
def test_of_the_messages_api_the_first_byte_is_named(
    path: list[Any], value: Any, where: str, in_piece: int
) -> None:
    found = broken(MESSAGES, changed(path, value, MESSAGES), "messages")
    assert found is not None
    assert (found.where, found.in_piece) == (where, in_piece)
    before = pieces_of(MESSAGES, "messages")
    at = [piece.where for piece in before].index(where)
    assert found.at_byte == sum(len(piece.data) for piece in before[:at]) + in_piece
    assert found.of_bytes == sum(len(piece.data) for piece in before)


@pytest.mark.parametrize(
    ("path", "value", "where", "in_piece"),
    [
        (["messages", 0, "content"], "Be long.", "messages[0].content", 3),
        (["messages", 2, "tool_calls", 0, "id"], "c2", "messages[2].tool_calls[0]", 9),
        (["messages", 3, "content"], "x" * 9, "messages[3].content", 9),
        (["messages", 3, "tool_call_id"], "c2", "messages[3] tool", 35),
    ],
)
def test_of_chat_completions_the_first_byte_is_named(
    path: list[Any], value: Any, where: str, in_piece: int
) -> None:
    found = broken(CHAT, changed(path, value, CHAT), "chat")
    assert found is not None
    assert (found.where, found.in_piece) == (where, in_piece)
    assert broken(CHAT, changed(["tool_choice"], "none", CHAT), "chat") is None


def test_what_is_gone_is_named() -> None:
    found = broken(CHAT, {**CHAT, "messages": CHAT["messages"][:2]}, "chat")
    assert found is not None
    assert (found.where, found.is_gone) == ("messages[2] assistant", True)


def test_the_log_says_where_and_nothing_of_what(caplog: pytest.LogCaptureFixture) -> None:
    watch = PrefixWatch("openai/m", "chat")
    with caplog.at_level(logging.DEBUG, "llm.prefix"):
        watch.sent("one", CHAT)
        watch.sent("two", changed(["messages", 0, "content"], "A secret", CHAT))
        watch.sent("", CHAT)
        watch.sent("one", CHAT)
        assert caplog.records == []
        watch.sent("one", changed(["messages", 1, "content"], "Read a secret", CHAT))
    [record] = caplog.records
    assert record.message == "prefix_broken"
    assert (vars(record)["where"], vars(record)["in_piece"]) == ("messages[1].content", 5)
    assert "secret" not in str(vars(record))


def test_only_what_is_logged_is_remembered_and_of_so_many_conversations(
    caplog: pytest.LogCaptureFixture,
) -> None:
    watch = PrefixWatch("openai/m", "chat")
    watch.sent("0", CHAT)
    other = changed(["messages", 0, "content"], "Other", CHAT)
    with caplog.at_level(logging.DEBUG, "llm.prefix"):
        watch.sent("0", other)
        for number in range(1, CONVERSATIONS + 1):
            watch.sent(str(number), CHAT)
        watch.sent("0", CHAT)
        assert caplog.records == []
        watch.sent(str(CONVERSATIONS), other)
    assert len(caplog.records) == 1


@pytest.mark.parametrize("protocol", sorted(ADAPTERS))
async def test_both_adapters_are_watched(protocol: str, caplog: pytest.LogCaptureFixture) -> None:
    first = replace(ask("Read it", tools=(READ_FILE,)), cache_key="key")
    said = AssistantMessage((ToolCall(ToolCallId("c1"), "readFile", {"path": "a"}),))
    results = UserMessage((ToolResult(ToolCallId("c1"), "text of a"),))
    second = replace(first, messages=(*first.messages, said, results))
    with caplog.at_level(logging.DEBUG, "llm.prefix"):
        async with (
            scripted_here(scenario({"text": "ok"})) as server,
            ADAPTERS[protocol](server) as model,
        ):
            for request in (first, second, second, replace(second, system="Be long.")):
                async for _ in model.stream(request):
                    pass
    assert len(caplog.records) == 1


def body(provider: Provider, cache_key: str = "key") -> dict[str, Any]:
    request = ModelRequest("", (UserMessage((TextPart("hi"),)),), cache_key=cache_key)
    return request_body(request, model="m", facts=UNKNOWN, provider=provider)


def test_only_openai_itself_is_sent_the_cache_key() -> None:
    assert body(OPENAI)["prompt_cache_key"] == "key"
    others = [CEREBRAS, OPENROUTER, OLLAMA, OPENAI.at("http://127.0.0.1:8000/v1")]
    others.append(OPENAI.at("https://api.openai.com.example.org/v1"))
    for provider in others:
        assert "prompt_cache_key" not in body(provider)
    assert "prompt_cache_key" not in body(OPENAI, cache_key="")
