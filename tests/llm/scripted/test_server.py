"""The scripted server's own routes, its honesty, and what it notes down."""

import asyncio
import io
import json
from typing import Any

import aiohttp
import anthropic
import pytest

from core.clock import SystemClock
from llm.scripted.journal import KEPT, KEPT_BYTES, Journal
from llm.scripted.process import scripted_here
from tests.support.scripted_model import API_KEY, Play, ask, scenario

BODY = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
HEADERS = {"x-api-key": API_KEY, "anthropic-version": "2026-10-21"}


async def post(
    url: str, body: Any = BODY, headers: dict[str, str] = HEADERS
) -> tuple[int, dict[str, Any], dict[str, str]]:
    data = io.BytesIO(body if isinstance(body, bytes) else json.dumps(body).encode())
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{url}/v1/messages", data=data, headers=headers) as response,
    ):
        return response.status, await response.json(), dict(response.headers)


async def test_every_answer_says_that_it_is_scripted() -> None:
    async with scripted_here(scenario({"text": "x"})) as server:
        _, body, headers = await post(server.url)
        assert body["model"] == "scripted-m"
        assert headers["x-polaris-scripted"] == "true"
        status, _, headers = await post(server.url, b"{")
        assert status == 400
        assert headers["x-polaris-scripted"] == "true"


@pytest.mark.parametrize(
    ("headers", "status", "message"),
    [
        ({"anthropic-version": "2026-10-21"}, 401, "x-api-key header is required"),
        ({"x-api-key": "k"}, 400, "anthropic-version: header is required"),
        ({"Authorization": "Bearer k", "anthropic-version": "2023-06-01"}, 200, None),
    ],
)
async def test_the_headers_are_checked(
    headers: dict[str, str], status: int, message: str | None
) -> None:
    async with scripted_here(scenario({"text": "x"})) as server:
        got, body, _ = await post(server.url, headers=headers)
    assert got == status
    if message is not None:
        assert body["type"] == "error"
        assert body["error"]["message"] == message
        assert body["request_id"].startswith("req_")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff\xfe"])
async def test_a_body_that_is_no_object_is_refused(body: bytes) -> None:
    async with scripted_here(scenario({"text": "x"})) as server:
        status, answer, _ = await post(server.url, body)
    assert status == 400
    assert answer["error"]["type"] == "invalid_request_error"


async def test_requests_are_noted_with_times_and_without_the_key(play: Play) -> None:
    scripted = await play({"name": "greet", "reply": {"text": "hello", "pace": {"delay_s": 0.02}}})
    await scripted.turn(ask("hi there"))
    (record,) = await scripted.server.requests(until="finished")
    assert record["rule"] == "greet"
    assert record["status"] == 200
    assert record["sent_chars"] == 5
    assert record["started_at"] <= record["first_byte_at"] <= record["finished_at"]
    assert record["client_disconnected_at"] is None
    assert "hi there" in json.dumps(record["body"])
    assert API_KEY not in json.dumps(record)


async def test_a_refused_request_is_noted_too() -> None:
    async with scripted_here(scenario({"text": "x"})) as server:
        await post(server.url, {"model": "m"})
        (record,) = await server.requests()
    assert record["status"] == 400
    assert record["body"] == {"model": "m"}


async def test_the_scenario_can_be_swapped_and_reset() -> None:
    async with scripted_here(scenario({"times": 1, "reply": {"text": "one"}})) as server:
        first = (await post(server.url))[1]
        refused = (await post(server.url))[0]
        await server.reset()
        again = (await post(server.url))[1]
        await server.play(scenario({"text": "two"}))
        second = (await post(server.url))[1]
        assert [body["content"][0]["text"] for body in (first, again, second)] == [
            "one",
            "one",
            "two",
        ]
        assert refused == 400
        assert len(await server.requests()) == 2


async def test_a_wrong_scenario_is_not_taken() -> None:
    async with (
        scripted_here(scenario({"text": "one"})) as server,
        aiohttp.ClientSession() as session,
    ):
        async with session.post(f"{server.url}/__scripted/scenario", data=b"{}]") as response:
            assert response.status == 400
            assert "not a scenario" in (await response.json())["error"]
        assert (await post(server.url))[1]["content"][0]["text"] == "one"


async def test_an_answer_comes_at_its_pace() -> None:
    pace = {"first_delay_s": 0.1, "chunk_chars": 10, "chars_per_s": 200}
    async with (
        scripted_here(scenario({"text": "x" * 60, "pace": pace})) as server,
        anthropic.AsyncAnthropic(api_key="k", base_url=server.url) as client,
    ):
        loop = asyncio.get_running_loop()
        started_at = loop.time()
        async with client.messages.stream(
            model="m", max_tokens=9, messages=[{"role": "user", "content": "hi"}]
        ) as stream:
            chunks = [text async for text in stream.text_stream]
        took_s = loop.time() - started_at
    assert len(chunks) == 6
    assert 0.38 <= took_s < 8


async def test_the_official_helper_reads_the_whole_message() -> None:
    """The SDK's own accumulation is a second opinion on our events."""
    reply = {
        "thinking": "hm",
        "text": "Grüße",
        "tool_calls": [{"name": "readFile", "arguments": {"path": "ä"}}],
    }
    async with (
        scripted_here(scenario(reply)) as server,
        anthropic.AsyncAnthropic(api_key="k", base_url=server.url) as client,
    ):
        async with client.messages.stream(
            model="m", max_tokens=9, messages=[{"role": "user", "content": "hi"}]
        ) as stream:
            streamed = await stream.get_final_message()
        whole = await client.messages.create(
            model="m", max_tokens=9, messages=[{"role": "user", "content": "hi"}]
        )
    shown = [block.model_dump(exclude={"id"}) for block in streamed.content]
    assert [block["type"] for block in shown] == ["thinking", "text", "tool_use"]
    assert shown[2]["input"] == {"path": "ä"}
    assert shown == [block.model_dump(exclude={"id"}) for block in whole.content]
    assert streamed.usage.output_tokens == whole.usage.output_tokens


async def test_a_body_over_32_mib_is_too_large() -> None:
    async with scripted_here(scenario({"text": "x"})) as server:
        status, answer, _ = await post(server.url, b" " * (32 * 1024 * 1024 + 1))
    assert status == 413
    assert answer["error"]["type"] == "request_too_large"


def test_the_journal_forgets_the_oldest_when_bodies_grow_large() -> None:
    journal = Journal(SystemClock())
    for number in range(5):
        record = journal.open(protocol="openai", path="/", headers={})
        journal.received(record, number, KEPT_BYTES // 3)
    assert [record["body"] for record in journal.as_json()] == [2, 3, 4]
    for _ in range(KEPT + 1):
        journal.open(protocol="openai", path="/", headers={})
    assert len(journal.as_json()) == KEPT
