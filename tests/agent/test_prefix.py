"""What was sent once is sent again byte for byte, over a run and into the next message."""

import logging
from itertools import pairwise
from typing import Any

import pytest

from agent.loop import Limits
from agent.outcome import Ending
from agent.transcript import Answered, Asked
from llm.prefix import Protocol, broken_at, pieces_of
from llm.scripted.process import scripted_here
from tests.agent.desk import Desk
from tests.support.scripted_model import ADAPTERS, scenario

TURNS = 50
THANKS = "Thank you. What have you read?"
FILES: dict[str, str | bytes] = {f"src/{n}.ts": f"const n = {n}\n" * 40 for n in range(2 * TURNS)}
PROTOCOLS: dict[str, Protocol] = {"anthropic": "messages", "openai": "chat", "responses": "chat"}


def turns() -> list[dict[str, Any]]:
    """Reads two files side by side in each turn, thinking and with a word; then an answer."""
    read = [
        {
            "when": {"tool_results": 2 * n},
            "reply": {
                "thinking": f"File {n}.",
                "text": f"I look at {n}." if n % 3 == 0 else "",
                "tool_calls": [
                    {"name": "readFile", "arguments": {"path": f"src/{path}.ts"}}
                    for path in (2 * n, 2 * n + 1)
                ],
            },
        }
        for n in range(TURNS)
    ]
    answers = [
        {"when": {"user_contains": THANKS}, "reply": {"text": "A hundred files."}},
        {"when": {"tool_results": 2 * TURNS}, "reply": {"text": "All read."}},
    ]
    return [*answers, *read]


@pytest.mark.parametrize("adapter", sorted(ADAPTERS))
async def test_fifty_turns_and_the_next_message_go_on_from_each_other(
    adapter: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "llm.prefix")
    async with (
        scripted_here(scenario(*turns())) as server,
        ADAPTERS[adapter](server) as model,
    ):
        desk = Desk(model, files=FILES, limits=Limits(max_turns=TURNS + 5))
        outcome = await desk.run()
        assert (outcome.ending, outcome.turns) == (Ending.FINISHED, TURNS + 1)
        answered = Answered("completed", await desk.text(outcome), tuple(desk.transcript.turns))
        past = (*desk.past, answered, Asked(THANKS))
        next_desk = Desk(model, past=past, files=FILES, limits=desk.limits)
        await next_desk.run()
        bodies = [request["body"] for request in await server.requests()]
    sent = [pieces_of(body, PROTOCOLS[adapter]) for body in bodies]
    assert len(sent) == TURNS + 2
    breaks = [broken_at(*pair) for pair in pairwise(sent)]
    assert breaks == [None] * (TURNS + 1)
    assert [record.message for record in caplog.records] == []
