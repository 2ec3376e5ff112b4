"""A request with an odd field is answered or refused, as by the real APIs."""

from typing import Any

import aiohttp
import pytest

from llm.scripted.process import scripted_here
from tests.llm.test_frames_properties import REMOVED, places, replaced
from tests.support.scripted_model import scenario

HEADERS = {"x-api-key": "k", "authorization": "Bearer k", "anthropic-version": "2023-06-01"}
ODD: tuple[object, ...] = (None, 5, "x", True, [], {}, [None], {"a": None}, REMOVED)

REQUESTS: dict[str, dict[str, Any]] = {
    "/v1/messages": {
        "model": "m",
        "max_tokens": 5,
        "system": [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}],
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "hi"}]},
            {
                "role": "assistant",
                "content": [
                    {"type": "text", "text": "so"},
                    {"type": "tool_use", "id": "a", "name": "b", "input": {}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {
                        "type": "tool_result",
                        "tool_use_id": "a",
                        "content": "t",
                        "is_error": False,
                    }
                ],
            },
        ],
        "tools": [{"name": "b", "description": "d", "input_schema": {"type": "object"}}],
        "tool_choice": {"type": "auto"},
        "thinking": {"type": "adaptive", "display": "summarized"},
        "stream": True,
    },
    "/v1/chat/completions": {
        "model": "m",
        "max_completion_tokens": 5,
        "messages": [
            {"role": "system", "content": "s"},
            {"role": "user", "content": [{"type": "text", "text": "x"}]},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {
                        "id": "a",
                        "type": "function",
                        "function": {"name": "b", "arguments": "{}"},
                    }
                ],
            },
            {"role": "tool", "tool_call_id": "a", "content": "r"},
        ],
        "tools": [
            {"type": "function", "function": {"name": "b", "parameters": {"type": "object"}}}
        ],
        "tool_choice": "auto",
        "stream": True,
        "stream_options": {"include_usage": True},
    },
}


@pytest.mark.timeout(120)
@pytest.mark.parametrize("path", sorted(REQUESTS))
async def test_no_odd_field_of_a_request_is_a_fault_of_the_server(path: str) -> None:
    async with scripted_here(scenario({"text": "ok"})) as server, aiohttp.ClientSession() as client:

        async def status(body: object) -> int:
            async with client.post(server.url + path, json=body, headers=HEADERS) as response:
                await response.read()
                return response.status

        good: Any = [REQUESTS[path]]
        assert await status(good[0]) == 200
        broken = [
            (place[1:], odd)
            for place in places(good)[2:]  # the first two are the list and the whole request
            for odd in ODD
            if await status(replaced(good, place, odd)[0]) >= 500
        ]
    assert broken == []
