"""A model in memory that is now one provider's and now another's, each as strict as its API."""

import random
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field

from core.ids import ToolCallId
from llm.anthropic_request import request_body as anthropic_body
from llm.catalog import Catalog
from llm.faults import ModelRefused, ModelUnavailable, PromptTooLong, StreamBroken
from llm.model import (
    AssistantMessage,
    ModelEvent,
    ModelRequest,
    StopReason,
    TextDelta,
    TextPart,
    ThinkingPart,
    ToolCall,
    Turn,
    TurnEnded,
    Usage,
)
from llm.openai_request import request_body as openai_body
from llm.proven_thoughts import without_thoughts
from llm.providers import ANTHROPIC, OPENAI
from llm.scripted.anthropic_rules import cached_blocks, check_request, signature_of
from llm.scripted.dialect import JsonObject, Rejected
from llm.scripted.openai_rules import check_request as check_openai_request
from tests.support.scripted_turns import is_for_summary, says

ANTHROPIC_VERSION = "2023-06-01"
CLAUDE, GPT = "claude-sonnet-5-5", "gpt-6-sol"

TEXTS = ("", " ", "\n\n", "I look at it.", "ünï ☃ 👩‍💻", "x" * 900)
IDS = ("", "call_0", "call_1", "toolu_a", "toolu_b", "a.b:0", "toolu_é", "x" * 90)
CALLS: Sequence[tuple[str, dict[str, object]]] = (
    ("readFile", {"path": "a.txt"}),
    ("readFile", {"path": "long.txt"}),
    ("readFile", {"path": "../x"}),
    ("readFile", {"path": 7}),
    ("listFiles", {}),
    ("writeFile", {"path": "b.txt", "content": "new"}),
    ("noSuchTool", {"any": None}),
)
FATES = (("too long", "away", "breaks", "answers"), (2, 2, 4, 92))
STOPS = (StopReason.END, StopReason.TOOL_CALLS, StopReason.MAX_TOKENS, StopReason.REFUSAL)


def blocks_of(request: ModelRequest) -> list[JsonObject]:
    """What Anthropic reads of a request, in the order of its prompt cache. Raises: Rejected."""
    facts = Catalog.default().facts(f"anthropic/{CLAUDE}")
    body = anthropic_body(request, model=CLAUDE, facts=facts, provider=ANTHROPIC)
    checked, turns = check_request(body, version=ANTHROPIC_VERSION)
    return list(cached_blocks(checked, turns))


@dataclass
class Strict:
    """Refuses what the real APIs refuse, and says anything that a model may say."""

    chance: random.Random
    refused: list[str] = field(default_factory=list[str])
    asked: int = 0
    summaries: int = 0
    name: str = "bench/strict"
    context_window: int = 200_000

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        """See `Model.stream`."""
        self.asked += 1
        before = self._checked(request)
        if is_for_summary(request):
            self.summaries += 1
            yield TurnEnded(says(self.chance.choice(("", "## Decisions\nNone.", "y" * 3_000))))
            return
        match self.chance.choices(*FATES)[0]:
            case "too long":
                raise PromptTooLong("too long")
            case "away":
                raise ModelUnavailable("away")
            case "breaks":
                yield TextDelta("half an ans")
                raise StreamBroken("gone")
            case _:
                yield TurnEnded(self._turn(before))

    def _checked(self, request: ModelRequest) -> list[JsonObject] | None:
        """What Anthropic has read, where it is the one who was asked. Raises: ModelRefused."""
        try:
            if self.chance.choice((True, False)):
                facts = Catalog.default().facts(f"openai/{GPT}")
                body = openai_body(request, model=GPT, facts=facts, provider=OPENAI)
                check_openai_request({**body, "stream": True})
                return None
            try:
                return blocks_of(request)
            except Rejected as rejected:
                if "thinking" not in rejected.message:
                    raise
                return blocks_of(without_thoughts(request))  # as the adapter does
        except Rejected as rejected:
            self.refused.append(rejected.message)
            raise ModelRefused(rejected.message) from rejected

    def _turn(self, before: list[JsonObject] | None) -> Turn:
        parts: list[TextPart | ThinkingPart | ToolCall] = []
        if self.chance.choice((True, False)):
            thought = self.chance.choice(("Hm.", "I think.", ""))
            proof = "" if before is None else signature_of(thought, before)
            parts.append(ThinkingPart(thought, proof))
        if self.chance.choice((True, True, False)):
            parts.append(TextPart(self.chance.choice(TEXTS)))
        for call_id in self.chance.sample(IDS, self.chance.choice((0, 1, 1, 2, 4))):
            name, arguments = self.chance.choice(CALLS)
            parts.append(ToolCall(ToolCallId(call_id), name, arguments))
        return Turn(
            message=AssistantMessage(tuple(parts)),
            stop_reason=self.chance.choice(STOPS),
            usage=Usage(),
            model="bench/strict",
            dropped_calls=self.chance.choice(((), (), ("writeFile",))),
        )
