"""Whatever a field of a stream is replaced by, an adapter gives a turn or one of our own faults."""

import asyncio
import copy
import json
from contextlib import suppress
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm.faults import ModelRefused, ModelUnavailable, StreamBroken
from llm.model import Model, TurnEnded
from llm.retry import Patience
from tests.llm.test_frames import check_deltas
from tests.support.provider import WireServer, events, wire_server
from tests.support.scripted_model import READ_FILE, ask, model_at

PATIENCE = Patience(attempts=1, idle_s=5)
FAULTS = (ModelUnavailable, StreamBroken, ModelRefused)
DONE = "data: [DONE]\n\n"


def _chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "c", "object": "chat.completion.chunk", "model": "m", "choices": [choice]}


def _piece(text: str, **more: Any) -> dict[str, Any]:
    return _chunk({"tool_calls": [{"index": 0, "function": {"arguments": text}, **more}]})


def _block(number: int, block: dict[str, Any], *deltas: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"type": "content_block_start", "index": number, "content_block": block},
        *({"type": "content_block_delta", "index": number, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": number},
    ]


def _item(place: int, kind: str, item: dict[str, Any], *deltas: dict[str, Any]) -> list[Any]:
    whole = {"type": kind, "id": f"i{place}", **item}
    begun: dict[str, Any] = {
        name: "" if name == "arguments" else [] for name in item if name not in _KEPT
    }
    kept = {name: value for name, value in item.items() if name in _KEPT}
    added: dict[str, Any] = {"type": kind, "id": f"i{place}", **kept, **begun}
    return [
        {"type": "response.output_item.added", "output_index": place, "item": added},
        *({"output_index": place, "item_id": f"i{place}", **delta} for delta in deltas),
        {"type": "response.output_item.done", "output_index": place, "item": whole},
    ]


_KEPT = ("role", "call_id", "name", "encrypted_content")
_ARGUMENTS = '{"path": "a"}'
_RESPONSES = "response.function_call_arguments"

GOOD: dict[str, list[dict[str, Any]]] = {
    "responses": [
        {
            "type": "response.created",
            "response": {"object": "response", "model": "m", "status": "in_progress"},
        },
        *_item(
            0,
            "reasoning",
            {"encrypted_content": "x", "summary": [{"type": "summary_text", "text": "hm"}]},
            {"type": "response.reasoning_summary_text.delta", "summary_index": 0, "delta": "hm"},
        ),
        *_item(
            1,
            "message",
            {"role": "assistant", "content": [{"type": "output_text", "text": "Hi"}]},
            {"type": "response.output_text.delta", "content_index": 0, "delta": "Hi"},
        ),
        *_item(
            2,
            "function_call",
            {"call_id": "c1", "name": "readFile", "arguments": _ARGUMENTS},
            {"type": f"{_RESPONSES}.delta", "delta": _ARGUMENTS},
            {"type": f"{_RESPONSES}.done", "arguments": _ARGUMENTS},
        ),
        {
            "type": "response.completed",
            "response": {
                "object": "response",
                "model": "m",
                "status": "completed",
                "usage": {
                    "input_tokens": 7,
                    "output_tokens": 2,
                    "input_tokens_details": {"cached_tokens": 1},
                },
            },
        },
    ],
    "openai": [
        _chunk({"role": "assistant", "content": "", "reasoning_content": "hm"}),
        _chunk({"content": "Hi"}),
        _chunk(
            {
                "tool_calls": [
                    {
                        "index": 0,
                        "id": "c1",
                        "type": "function",
                        "function": {"name": "readFile", "arguments": '{"path"'},
                    }
                ]
            }
        ),
        _piece(': "a"}'),
        _chunk({}, "tool_calls"),
        {
            "model": "m",
            "choices": [],
            "usage": {
                "prompt_tokens": 7,
                "completion_tokens": 2,
                "prompt_tokens_details": {"cached_tokens": 1},
            },
        },
    ],
    "anthropic": [
        {
            "type": "message_start",
            "message": {
                "id": "m",
                "type": "message",
                "role": "assistant",
                "model": "m",
                "content": [],
                "usage": {"input_tokens": 7, "output_tokens": 1, "cache_read_input_tokens": 3},
            },
        },
        *_block(
            0,
            {"type": "thinking", "thinking": "", "signature": ""},
            {"type": "thinking_delta", "thinking": "hm"},
            {"type": "signature_delta", "signature": "sig"},
        ),
        *_block(1, {"type": "text", "text": ""}, {"type": "text_delta", "text": "Hi"}),
        *_block(
            2,
            {"type": "tool_use", "id": "c1", "name": "readFile", "input": {}},
            {"type": "input_json_delta", "partial_json": '{"path"'},
            {"type": "input_json_delta", "partial_json": ': "a"}'},
        ),
        {
            "type": "message_delta",
            "delta": {"stop_reason": "tool_use", "stop_sequence": None},
            "usage": {"output_tokens": 2},
        },
        {"type": "message_stop"},
    ],
}

Place = tuple[str | int, ...]
REMOVED = object()
ODD = st.one_of(
    st.just(REMOVED),
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),  # NaN and infinity, which Python writes into JSON
    st.text(st.characters(exclude_categories=[]), max_size=6),
    st.sampled_from(["error", "message", "text", "tool_use", "stop", "{", "[]", "\x00", "\ud800"]),
    st.builds(list[object]),
    st.builds(dict[str, object]),
    st.lists(st.none() | st.integers() | st.builds(dict[str, object]), max_size=3),
    st.dictionaries(
        st.sampled_from(["type", "text", "index", "name", "error", "usage", "value"]),
        st.none() | st.integers() | st.text(max_size=3),
        max_size=3,
    ),
)


def places(value: object, at: Place = ()) -> list[Place]:
    """The path of each value within a JSON value."""
    pairs: list[tuple[str | int, object]] = []
    if isinstance(value, dict):
        pairs = list(cast("dict[str, object]", value).items())
    elif isinstance(value, list):
        pairs = list(enumerate(cast("list[object]", value)))
    return [at, *(place for key, inner in pairs for place in places(inner, (*at, key)))]


def replaced(frames: list[dict[str, Any]], place: Place, odd: object) -> list[Any]:
    """The frames with another value at the place, or with none."""
    changed: Any = copy.deepcopy(frames)
    *way, last = place
    inner = changed
    for key in way:
        inner = inner[key]
    if odd is REMOVED:
        del inner[last]
    else:
        inner[last] = odd
    return changed


async def read(server: WireServer, model: Model, protocol: str, frames: list[Any]) -> None:
    """Read the frames to their end. Raises: a fault of ours."""
    ending = [DONE] if protocol == "openai" else []
    server.answers = [events(protocol, [*_as_sent(frames), *ending])]
    *before, last = [event async for event in model.stream(ask(tools=(READ_FILE,)))]
    assert isinstance(last, TurnEnded)
    check_deltas(before, last.turn)


def _as_sent(frames: list[Any]) -> list[Any]:
    """Texts would be sent as they stand: as JSON they are odd frames, too."""
    return [
        f"data: {json.dumps(frame)}\n\n" if isinstance(frame, str) else frame for frame in frames
    ]


@pytest.mark.timeout(120)
@pytest.mark.parametrize("protocol", sorted(GOOD))
def test_no_odd_field_raises_anything_but_our_faults(protocol: str) -> None:
    good = GOOD[protocol]
    spots = places(good)[1:]  # the first is the whole stream

    with asyncio.Runner() as runner:
        serving = wire_server()
        server = runner.run(serving.__aenter__())
        model = model_at(protocol, server.url, PATIENCE)

        @settings(deadline=None, max_examples=300)
        @given(st.lists(st.tuples(st.sampled_from(spots), ODD), min_size=1, max_size=3))
        def check(changes: list[tuple[Place, object]]) -> None:
            frames: list[Any] = good
            for place, odd in changes:
                if place in places(frames):  # an earlier change may have removed it
                    frames = replaced(frames, place, odd)
            with suppress(*FAULTS):
                runner.run(read(server, model, protocol, frames))

        try:
            check()
        finally:
            runner.run(model.aclose())
            runner.run(serving.__aexit__(None, None, None))


@pytest.mark.timeout(120)
@pytest.mark.parametrize("protocol", sorted(GOOD))
async def test_a_null_or_missing_field_never_loses_an_answer_that_was_there(protocol: str) -> None:
    """Every single field, one at a time: null and missing."""
    good = GOOD[protocol]
    lost: list[Place] = []

    async with wire_server() as server, model_at(protocol, server.url, PATIENCE) as model:
        for place in places(good)[1:]:  # the first is the whole stream
            for odd in (None, REMOVED):
                try:
                    await read(server, model, protocol, replaced(good, place, odd))
                except FAULTS:
                    lost.append(place)
    # Without the one event of Responses that says that the answer is complete, it may be cut.
    only_end = [(len(good) - 1,)] * 2 if protocol == "responses" else []
    assert lost == only_end
