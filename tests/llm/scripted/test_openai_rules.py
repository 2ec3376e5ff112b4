"""Histories that OpenAI refuses are refused in its words, as its own SDK reports them."""

from collections.abc import AsyncGenerator
from typing import Any

import openai
import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from llm.scripted.process import scripted_here
from tests.support.scripted_model import scenario

USER = {"role": "user", "content": "hi"}
TOOL = {"type": "function", "function": {"name": "readFile", "parameters": {"type": "object"}}}


def call(*call_ids: str) -> dict[str, Any]:
    function = {"name": "readFile", "arguments": "{}"}
    calls = [{"id": i, "type": "function", "function": function} for i in call_ids]
    return {"role": "assistant", "content": None, "tool_calls": calls}


def result(call_id: str) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call_id, "content": "x"}


REFUSED: dict[str, tuple[dict[str, Any], str, str | None]] = {
    "no message": ({"messages": []}, "Invalid 'messages': empty array", "messages"),
    "unknown role": (
        {"messages": [{"role": "robot", "content": "x"}]},
        "Invalid value: 'robot'",
        "messages[0].role",
    ),
    "call without result": (
        {"messages": [USER, call("a"), USER]},
        (
            "An assistant message with 'tool_calls' must be followed by tool messages responding "
            "to each 'tool_call_id'. The following tool_call_ids did not have response messages: a"
        ),
        "messages.[2].role",
    ),
    "call at the end": (
        {"messages": [USER, call("a")]},
        "response messages: a",
        "messages.[2].role",
    ),
    "one of two results": (
        {"messages": [USER, call("a", "b"), result("a"), USER]},
        "response messages: b",
        "messages.[3].role",
    ),
    "result without call": (
        {"messages": [USER, result("a")]},
        "messages with role 'tool' must be a response to a preceeding message with 'tool_calls'",
        "messages.[1].role",
    ),
    "result twice": (
        {"messages": [USER, call("a"), result("a"), result("a")]},
        "Duplicate value for 'tool_call_id'",
        "messages.[3].tool_call_id",
    ),
    "empty calls": (
        {"messages": [USER, {"role": "assistant", "content": "", "tool_calls": []}, USER]},
        "Invalid 'messages[1].tool_calls': empty array",
        "messages[1].tool_calls",
    ),
    "assistant says nothing": (
        {"messages": [USER, {"role": "assistant", "content": None}, USER]},
        "Invalid value for 'content': expected a string, got null.",
        "messages.[1].content",
    ),
    "bad tool name": (
        {"tools": [{"type": "function", "function": {"name": "read file"}}]},
        "Invalid 'tools[0].function.name': string does not match pattern",
        "tools[0].function.name",
    ),
    "schema of no object": (
        {
            "tools": [
                {"type": "function", "function": {"name": "x", "parameters": {"type": "string"}}}
            ]
        },
        "Invalid schema for function 'x'",
        "tools[0].function.parameters",
    ),
    "empty tools": ({"tools": []}, "Invalid 'tools': empty array", "tools"),
    "choice without tools": ({"tool_choice": "auto"}, "only allowed when 'tools'", "tool_choice"),
    "unknown choice": (
        {"tools": [TOOL], "tool_choice": "maybe"},
        "Invalid value: 'maybe'",
        "tool_choice",
    ),
    "old name of the limit": ({"max_tokens": 5}, "Use 'max_completion_tokens'", "max_tokens"),
    "usage without stream": (
        {"stream_options": {"include_usage": True}},
        "only allowed when 'stream' is enabled",
        "stream_options",
    ),
    "no model": ({"model": ""}, "you must provide a model parameter", None),
}


@pytest.fixture
async def client() -> AsyncGenerator[openai.AsyncOpenAI]:
    async with (
        scripted_here(
            scenario(
                {
                    "when": {"user_contains": "call"},
                    "reply": {"tool_calls": [{"name": "readFile", "arguments": {"path": "a"}}]},
                },
                {"text": "ok"},
            )
        ) as server,
        openai.AsyncOpenAI(api_key="k", base_url=server.openai_url, max_retries=0) as client,
    ):
        yield client


async def say(client: openai.AsyncOpenAI, **fields: Any) -> ChatCompletion:
    whole: dict[str, Any] = {"model": "gpt-6-sol", "messages": [USER], **fields}
    return await client.chat.completions.create(**whole, stream=False)


async def chunks(client: openai.AsyncOpenAI, **fields: Any) -> list[ChatCompletionChunk]:
    whole: dict[str, Any] = {"model": "gpt-6-sol", "messages": [USER], **fields}
    return [chunk async for chunk in await client.chat.completions.create(**whole, stream=True)]


@pytest.mark.parametrize("name", REFUSED)
async def test_an_invalid_request_is_refused(client: openai.AsyncOpenAI, name: str) -> None:
    fields, complaint, param = REFUSED[name]
    with pytest.raises(openai.BadRequestError) as caught:
        await say(client, **fields)
    assert complaint in caught.value.message
    assert caught.value.param == param


async def test_a_valid_history_is_accepted(client: openai.AsyncOpenAI) -> None:
    system = {"role": "system", "content": "s"}
    history = [system, USER, call("a", "b"), result("b"), result("a"), USER]
    completion = await say(client, messages=history, tools=[TOOL])
    assert completion.choices[0].message.content == "ok"
    assert completion.model == "scripted-gpt-6-sol"
    assert completion.usage is not None
    assert completion.usage.total_tokens > 0


async def test_calls_come_whole_when_not_streamed(client: openai.AsyncOpenAI) -> None:
    completion = await say(client, messages=[{"role": "user", "content": "call"}], tools=[TOOL])
    (made,) = completion.choices[0].message.tool_calls or []
    assert made.type == "function"
    assert made.function.arguments == '{"path": "a"}'
    assert completion.choices[0].finish_reason == "tool_calls"


async def test_usage_is_streamed_only_when_asked_for(client: openai.AsyncOpenAI) -> None:
    plain = await chunks(client)
    asked = await chunks(client, stream_options={"include_usage": True})
    assert all(chunk.usage is None for chunk in plain)
    assert asked[-1].usage is not None
    assert asked[-1].usage.completion_tokens == 1
    assert asked[-1].choices == []


async def test_models_are_listed(client: openai.AsyncOpenAI) -> None:
    assert [model.id async for model in client.models.list()] == ["scripted"]
