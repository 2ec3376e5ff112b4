"""Frames that are odd are read: a corpus of streams with the reading that is expected of them."""

import json
from pathlib import Path
from typing import Any

import pytest

from core.errors import Refused, Transient
from llm.model import (
    ModelEvent,
    TextDelta,
    TextPart,
    ThinkingDelta,
    ThinkingPart,
    ToolCall,
    ToolCallStarted,
    Turn,
    TurnEnded,
)
from llm.retry import Patience
from tests.support.provider import Answer, events, said, wire_server
from tests.support.scripted_model import ADAPTERS, READ_FILE, ask, model_at

CORPUS = [
    pytest.param(
        path.parent.name, json.loads(path.read_text()), id=f"{path.parent.name}-{path.stem}"
    )
    for path in sorted((Path(__file__).parent / "frames").glob("*/*.json"))
]
ONCE = Patience(attempts=1, idle_s=5)


async def reading_of(protocol: str, answer: Answer) -> list[ModelEvent] | Refused | Transient:
    """All events of the adapter for an answer of the provider, or the fault that it raises."""
    async with wire_server(answer) as server, model_at(protocol, server.url, ONCE) as model:
        try:
            return [event async for event in model.stream(ask(tools=(READ_FILE,)))]
        except (Refused, Transient) as fault:
            return fault


def summary(read: list[ModelEvent] | Refused | Transient) -> dict[str, Any]:
    """The reading in the words of the corpus."""
    if not isinstance(read, list):
        return {"fault": read.code}
    *before, last = read
    assert isinstance(last, TurnEnded)
    turn = last.turn
    calls = [part for part in turn.message.parts if isinstance(part, ToolCall)]
    thoughts = [part for part in turn.message.parts if isinstance(part, ThinkingPart)]
    usage = turn.usage
    check_deltas(before, turn)
    return {
        "text": text_of(turn),
        "thinking": "".join(part.text for part in thoughts),
        "signature": "".join(part.signature for part in thoughts),
        "calls": [{"name": c.name, "arguments": dict(c.arguments), "id": c.call_id} for c in calls],
        "dropped": list(turn.dropped_calls),
        "stop": turn.stop_reason.value,
        "model": turn.model,
        "usage": [
            usage.input_tokens,
            usage.output_tokens,
            usage.cache_read_tokens,
            usage.cache_write_tokens,
        ],
    }


def text_of(turn: Turn) -> str:
    return "".join(part.text for part in turn.message.parts if isinstance(part, TextPart))


def check_deltas(before: list[ModelEvent], turn: Turn) -> None:
    """What streamed is what is kept, each call was announced once, and all of it can be stored."""
    text = "".join(event.text for event in before if isinstance(event, TextDelta))
    assert text == text_of(turn)
    thinking = "".join(event.text for event in before if isinstance(event, ThinkingDelta))
    kept = [part.text for part in turn.message.parts if isinstance(part, ThinkingPart)]
    assert thinking.startswith("".join(kept))
    started = [event.call_id for event in before if isinstance(event, ToolCallStarted)]
    assert len(started) == len(set(started))
    for part in turn.message.parts:
        if isinstance(part, ToolCall):
            assert part.call_id in started
            assert part.name
    words = [turn.model, *turn.dropped_calls]
    texts = [text, thinking]
    for part in turn.message.parts:
        match part:
            case ToolCall():
                words += [part.call_id, part.name]
                texts.append(json.dumps(dict(part.arguments), ensure_ascii=False))
            case ThinkingPart():
                texts += [part.text, part.signature]
            case TextPart():
                texts.append(part.text)
    assert not any("\x00" in word for word in words)
    for each in (*words, *texts):
        each.encode()


@pytest.mark.parametrize(("protocol", "case"), CORPUS)
async def test_odd_frames_are_read(protocol: str, case: dict[str, Any]) -> None:
    read = summary(await reading_of(protocol, events(protocol, case["frames"])))
    expected = case["expect"]
    got = {name: read.get(name) for name in expected}
    if "calls" in expected and "calls" in read:
        named = [set(call) for call in expected["calls"]]
        got["calls"] = [
            {name: value for name, value in call.items() if not fields or name in fields}
            for call, fields in zip(read["calls"], named + [set()] * 9, strict=False)
        ]
    assert got == expected, case["why"]


@pytest.mark.parametrize("protocol", sorted(ADAPTERS))
async def test_an_answer_in_one_piece_is_read(protocol: str) -> None:
    """A gateway that passes over `stream` answers with one JSON object."""
    whole = {
        "openai": {
            "model": "m",
            "choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 7, "completion_tokens": 2},
        },
        "anthropic": {
            "type": "message",
            "model": "m",
            "content": [{"type": "text", "text": "Hi"}],
            "stop_reason": "end_turn",
            "usage": {"input_tokens": 7, "output_tokens": 2},
        },
        "responses": {
            "object": "response",
            "model": "m",
            "status": "completed",
            "output": [{"type": "message", "content": [{"type": "output_text", "text": "Hi"}]}],
            "usage": {"input_tokens": 7, "output_tokens": 2},
        },
    }
    read = summary(await reading_of(protocol, said(200, whole[protocol])))
    assert (read["text"], read["stop"], read["usage"]) == ("Hi", "end", [7, 2, 0, 0])
