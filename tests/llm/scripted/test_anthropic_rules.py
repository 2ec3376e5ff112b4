"""Histories that Anthropic refuses are refused in its words, as its own SDK reports them."""

from collections.abc import AsyncGenerator
from typing import Any

import anthropic
import pytest

from llm.scripted.process import scripted_here
from tests.support.scripted_model import scenario

USER = {"role": "user", "content": "hi"}
TOOL = {"name": "readFile", "input_schema": {"type": "object"}}


def call(*call_ids: str, text: str = "") -> dict[str, Any]:
    blocks: list[dict[str, Any]] = [{"type": "text", "text": text}] if text else []
    blocks += [{"type": "tool_use", "id": i, "name": "readFile", "input": {}} for i in call_ids]
    return {"role": "assistant", "content": blocks}


def results(*call_ids: str) -> dict[str, Any]:
    blocks = [{"type": "tool_result", "tool_use_id": i, "content": "x"} for i in call_ids]
    return {"role": "user", "content": blocks}


def text(content: str, role: str = "user") -> dict[str, Any]:
    return {"role": role, "content": [{"type": "text", "text": content}]}


REFUSED: dict[str, tuple[list[dict[str, Any]], str]] = {
    "no message": ([], "messages: at least one message is required"),
    "assistant first": ([text("a", "assistant"), USER], 'first message must use the "user" role'),
    "prefill": ([USER, text("a", "assistant")], "does not support assistant message prefill"),
    "system role": ([{"role": "system", "content": "s"}, USER], 'Unexpected role "system"'),
    "empty text": ([text("")], "text content blocks must be non-empty"),
    "blank text": ([text(" \n")], "must contain non-whitespace text"),
    "empty content": (
        [{"role": "user", "content": []}],
        "all messages must have non-empty content",
    ),
    "empty string": ([{"role": "user", "content": ""}], "all messages must have non-empty content"),
    "call without result": (
        [USER, call("a"), text("go on")],
        (
            "messages.1: `tool_use` ids were found without `tool_result` blocks immediately after: "
            "a. Each `tool_use` block must have a corresponding `tool_result` block in the next "
            "message."
        ),
    ),
    "one of two results": ([USER, call("a", "b"), results("a")], "immediately after: b."),
    "results too late": (
        [USER, call("a"), text("wait"), text("x", "assistant"), results("a")],
        "immediately after: a.",
    ),
    "text before results": (
        [
            USER,
            call("a"),
            {"role": "user", "content": [*text("t")["content"], *results("a")["content"]]},
        ],
        "immediately after: a.",
    ),
    "result without call": (
        [USER, text("a", "assistant"), results("a")],
        (
            "messages.2.content.0: unexpected `tool_use_id` found in `tool_result` blocks: a. Each "
            "`tool_result` block must have a corresponding `tool_use` block in the previous "
            "message."
        ),
    ),
    "result first of all": ([results("a")], "messages.0.content.0: unexpected `tool_use_id`"),
    "result twice": ([USER, call("a"), results("a", "a")], "must have a single result"),
    "call id twice in a message": (
        [USER, call("a", "a"), results("a")],
        "messages.1.content.1: `tool_use` ids must be unique",
    ),
    "call id twice in a history": (
        [USER, call("a"), results("a"), call("a"), results("a")],
        "messages.3.content.0: `tool_use` ids must be unique",
    ),
    "strange call id": ([USER, call("a b"), results("a b")], "should match pattern"),
    "result in assistant": (
        [USER, {**results("a"), "role": "assistant"}, USER],
        "Input tag 'tool_result' found using 'type' does not match",
    ),
    "call in user": ([USER, {**call("a"), "role": "user"}], "Input tag 'tool_use' found"),
    "unsigned thought": (
        [USER, {"role": "assistant", "content": [{"type": "thinking", "thinking": "t"}]}, USER],
        "thinking.signature: Field required",
    ),
    "forged thought": (
        [
            USER,
            {
                "role": "assistant",
                "content": [{"type": "thinking", "thinking": "t", "signature": "mine"}],
            },
            USER,
        ],
        "messages.1.content.0: Invalid `signature` in `thinking` block",
    ),
}

ACCEPTED: dict[str, list[dict[str, Any]]] = {
    "string content": [USER],
    "users in a row are merged": [USER, USER],
    "assistants in a row are merged": [USER, text("a", "assistant"), call("a"), results("a")],
    "results over two messages": [USER, call("a", "b"), results("a"), results("b")],
    "text after results": [USER, call("a"), results("a"), text("and now")],
    "empty result": [
        USER,
        call("a"),
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a"}]},
    ],
}

BAD_FIELDS: dict[str, tuple[dict[str, Any], str]] = {
    "no tools for a choice": (
        {"tool_choice": {"type": "auto"}},
        "only be specified while providing",
    ),
    "unknown choice": (
        {"tools": [TOOL], "tool_choice": {"type": "maybe"}},
        "Input tag 'maybe' found using 'type' does not match any of the expected tags",
    ),
    "a tool forced while it thinks": (
        {
            "tools": [TOOL],
            "tool_choice": {"type": "tool", "name": TOOL["name"]},
            "thinking": {"type": "adaptive"},
        },
        "Thinking may not be enabled when tool_choice forces tool use",
    ),
    "unknown tool chosen": (
        {"tools": [TOOL], "tool_choice": {"type": "tool", "name": "x"}},
        "Tool 'x' not found",
    ),
    "bad tool name": ({"tools": [{**TOOL, "name": "read file"}]}, "tools.0.custom.name"),
    "long tool name": ({"tools": [{**TOOL, "name": "x" * 129}]}, "tools.0.custom.name"),
    "same tool twice": ({"tools": [TOOL, TOOL]}, "Tool names must be unique"),
    "schema of no object": (
        {"tools": [{**TOOL, "input_schema": {"type": "string"}}]},
        "Input should be 'object'",
    ),
    "schema of a union": (
        {"tools": [{**TOOL, "input_schema": {"type": "object", "anyOf": []}}]},
        "does not support oneOf, allOf, or anyOf at the top level",
    ),
    "negative limit": ({"max_tokens": -1}, "greater than or equal to 0"),
    "limit of text": (
        {"extra_body": {"max_tokens": "ten"}},
        "max_tokens: Input should be a valid integer",
    ),
    "no model": ({"model": ""}, "model"),
    "unknown field": ({"extra_body": {"colour": 1}}, "colour: Extra inputs are not permitted"),
    "sampling": ({"extra_body": {"temperature": 1}}, "temperature: Extra inputs are not permitted"),
    "empty system": ({"system": [{"type": "text", "text": ""}]}, "system.0"),
    "small thinking budget": (
        {"thinking": {"type": "enabled", "budget_tokens": 10}},
        "greater than or equal to 1024",
    ),
    "unknown thinking": ({"thinking": {"type": "hard"}}, "Input tag 'hard'"),
    "five breakpoints": (
        {
            "system": [
                {"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}
                for _ in range(5)
            ]
        },
        "A maximum of 4 blocks with cache_control may be provided. Found 5.",
    ),
}


@pytest.fixture
async def client() -> AsyncGenerator[anthropic.AsyncAnthropic]:
    async with (
        scripted_here(scenario({"text": "ok"})) as server,
        anthropic.AsyncAnthropic(api_key="k", base_url=server.url, max_retries=0) as client,
    ):
        yield client


async def say(client: anthropic.AsyncAnthropic, **fields: Any) -> str:
    whole: dict[str, Any] = {
        "model": "claude-opus-5-5",
        "max_tokens": 100,
        "messages": [USER],
        **fields,
    }
    message: anthropic.types.Message = await client.messages.create(**whole, stream=False)
    (block,) = message.content
    assert block.type == "text"
    return block.text


@pytest.mark.parametrize("name", REFUSED)
async def test_an_invalid_history_is_refused(client: anthropic.AsyncAnthropic, name: str) -> None:
    messages, complaint = REFUSED[name]
    with pytest.raises(anthropic.BadRequestError) as caught:
        await say(client, messages=messages, tools=[TOOL])
    assert caught.value.type == "invalid_request_error"
    assert complaint in (caught.value.api_message or "")


@pytest.mark.parametrize("name", ACCEPTED)
async def test_a_valid_history_is_accepted(client: anthropic.AsyncAnthropic, name: str) -> None:
    assert await say(client, messages=ACCEPTED[name], tools=[TOOL]) == "ok"


@pytest.mark.parametrize("name", BAD_FIELDS)
async def test_an_invalid_field_is_refused(client: anthropic.AsyncAnthropic, name: str) -> None:
    fields, complaint = BAD_FIELDS[name]
    with pytest.raises(anthropic.BadRequestError) as caught:
        await say(client, **fields)
    assert complaint in (caught.value.api_message or "")


async def test_the_older_version_of_the_api_still_takes_a_temperature(
    client: anthropic.AsyncAnthropic,
) -> None:
    older = client.with_options(default_headers={"anthropic-version": "2023-06-01"})
    assert await say(older, extra_body={"temperature": 1}) == "ok"


@pytest.mark.parametrize("version", ["2020-01-01", ""])
async def test_an_unknown_version_is_refused(
    client: anthropic.AsyncAnthropic, version: str
) -> None:
    wrong = client.with_options(default_headers={"anthropic-version": version})
    with pytest.raises(anthropic.BadRequestError, match="anthropic-version"):
        await say(wrong)


async def test_tokens_are_counted(client: anthropic.AsyncAnthropic) -> None:
    short = await client.messages.count_tokens(
        model="m", messages=[{"role": "user", "content": "a"}]
    )
    long = await client.messages.count_tokens(
        model="m", messages=[{"role": "user", "content": "a" * 4_000}]
    )
    assert long.input_tokens - short.input_tokens == pytest.approx(1_000, abs=1)


async def test_models_are_listed(client: anthropic.AsyncAnthropic) -> None:
    assert [model.id async for model in client.models.list()] == ["scripted"]
