"""Asking the model of a run: what it is told, what people see, and the turns that it makes."""

import asyncio
import logging
import random
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal, assert_never

from agent import words
from agent.budget import history_budget
from agent.condensing import SUMMARY_TOKENS, to_condense
from agent.definition import Agent
from agent.history import History, Remarks, alternating, build_history
from agent.sink import Sink
from agent.sizes import CHARS_PER_TOKEN
from agent.transcript import PARAGRAPH, Condensed, Loaded, RecordedTurn, text_of_turns
from core.backoff import Backoff
from core.text import without_surrogates
from llm.faults import ModelUnavailable, PromptTooLong, StreamBroken
from llm.model import (
    Forced,
    ModelMessage,
    ModelRequest,
    TextDelta,
    TextPart,
    ThinkingDelta,
    ToolCallStarted,
    ToolInputDelta,
    ToolSpec,
    Turn,
    TurnEnded,
    Usage,
    UserMessage,
)

log = logging.getLogger(__name__)

LONGEST_PAUSE_S = 30.0
PAUSES = Backoff(first_s=0.5, longest_s=LONGEST_PAUSE_S)  # as the providers' own clients do
HISTORY_HALVINGS = 6  # of a prompt that is too long: from the largest windows to the smallest


class Asker:
    """Asks for one run in one process; it remembers how much of a conversation proved to fit."""

    def __init__(self, agent: Agent, sink: Sink) -> None:
        self._agent = agent
        self._sink = sink
        self.budget_tokens = history_budget(agent)

    async def told(self, loaded: Loaded, remarks: Remarks) -> History:
        """What the model is told of the conversation."""
        return await asyncio.to_thread(  # a long conversation takes a tenth of a second
            build_history,
            loaded,
            budget_tokens=self.budget_tokens,
            remarks=remarks,
            touches=self._agent.toolbox.touches,
        )

    async def to_condense(
        self, loaded: Loaded, number: int, history: History | None = None
    ) -> Condensed | None:
        """What a summary before turn `number` is to stand for; None: none is needed yet.

        With the `history` of the turn at hand, most turns are judged by its size alone.
        """
        at = self._agent.limits.condense_at
        room_chars = int(self.budget_tokens * CHARS_PER_TOKEN * at)
        if history is not None and history.is_as_before and history.chars <= room_chars:
            return None
        budget_tokens = self.budget_tokens
        return await asyncio.to_thread(
            to_condense, loaded, number=number, budget_tokens=budget_tokens, at=at
        )

    async def turn(
        self, number: int, loaded: Loaded, remarks: Remarks, history: History
    ) -> tuple[Turn, bool]:
        """Ask until a turn is whole, first with this history; what broke off is taken back.

        With the turn comes whether the model was told less than all of the conversation.

        A request that is too long is sent again shorter, never as it was; what has proved to fit is
        remembered. What broke off is part of the turn's usage, as far as the provider has said it.
        """
        shortest_tokens = self.budget_tokens >> HISTORY_HALVINGS
        attempt, wasted = 0, Usage()
        while True:
            await self._sink.reset(number)
            try:
                request = self._request(number, history.messages, remarks)
                turn = await self._stream(number, request, loaded.turns)
            except StreamBroken as broken:
                attempt += 1
                wasted += broken.usage
                is_last = attempt >= self._agent.limits.stream_attempts
                if is_last or self.asked_at(broken) is not None:
                    broken.usage = wasted
                    raise
                log.warning("stream_broken", extra={"turn": number, "attempt": attempt})
                await self._agent.pause(_pause_s(attempt, broken.retry_after_s))
            except PromptTooLong:
                refused = history
                while history.messages == refused.messages:
                    if self.budget_tokens // 2 < max(shortest_tokens, 1):
                        raise
                    self.budget_tokens //= 2
                    history = await self.told(loaded, remarks)
                log.warning("prompt_too_long", extra={"turn": number, "budget": self.budget_tokens})
            else:
                return replace(turn, usage=wasted + turn.usage), history.is_shortened

    def _tool_choice(self, number: int, remarks: Remarks) -> Literal["auto", "none"] | Forced:
        if remarks.forbids_calls:
            return "none"
        if number == 0 and self._agent.first_tool in self._agent.toolbox.names:
            return Forced(self._agent.first_tool)
        return "auto"

    def _request(
        self, number: int, messages: tuple[ModelMessage, ...], remarks: Remarks
    ) -> ModelRequest:
        return ModelRequest(
            system=self._agent.system,
            messages=messages,
            tools=tuple(
                ToolSpec(
                    name=tool.name, description=tool.description, input_schema=tool.input_schema
                )
                for tool in self._agent.toolbox.descriptions
            ),
            max_output_tokens=self._agent.limits.max_output_tokens,
            tool_choice=self._tool_choice(number, remarks),
            cache_key=self._agent.cache_key,
            wire=self._agent.wire,
        )

    async def _stream(
        self, number: int, request: ModelRequest, earlier: Sequence[RecordedTurn]
    ) -> Turn:
        gap = PARAGRAPH if text_of_turns(earlier) else ""
        async with self._sink.reading(), aclosing(self._agent.model.stream(request)) as events:
            async for event in events:
                match event:
                    case TextDelta(text):
                        if text:
                            await self._sink.text(number, gap + without_surrogates(text))
                            gap = ""
                    case ThinkingDelta(text):
                        await self._sink.thinking(number, without_surrogates(text))
                    case ToolCallStarted(call_id, name):
                        await self._sink.tool_call_started(number, call_id, name)
                    case ToolInputDelta(call_id, text):
                        await self._sink.tool_input(number, call_id, without_surrogates(text))
                    case TurnEnded(turn):
                        return turn
                    case _:
                        assert_never(event)
        raise StreamBroken("the model's answer ended without an end")

    async def summary(self, loaded: Loaded, remarks: Remarks) -> Turn:
        """Asked for behind the conversation as it was sent last: the provider has that cached.

        The results that came since are not summed up, and with them it might not fit as it was.
        """
        history = await self.told(replace(loaded, turns=loaded.turns[:-1]), remarks)
        asked = UserMessage(parts=(TextPart(words.CONDENSE),))
        messages = tuple(alternating((*history.messages, asked)))
        request = replace(
            self._request(len(loaded.turns), messages, remarks),
            max_output_tokens=min(SUMMARY_TOKENS, self._agent.limits.max_output_tokens),
            tool_choice="none",
        )
        async with self._sink.reading(), aclosing(self._agent.model.stream(request)) as events:
            async for event in events:
                if isinstance(event, TurnEnded):
                    return event.turn
        raise StreamBroken("the model's summary ended without an end")

    def asked_at(self, fault: ModelUnavailable | StreamBroken) -> datetime | None:
        """Before when the provider must not be asked again, where it says so."""
        if isinstance(fault, ModelUnavailable) and fault.retry_at is not None:
            return fault.retry_at
        is_short = isinstance(fault, StreamBroken) and (fault.retry_after_s or 0) <= LONGEST_PAUSE_S
        if fault.retry_after_s is None or is_short:  # a short one is waited for within the step
            return None
        return self._agent.clock.now() + timedelta(seconds=fault.retry_after_s)


def _pause_s(attempt: int, asked_s: float | None) -> float:
    return min(max(PAUSES.wait_s(attempt, random.random), asked_s or 0.0), LONGEST_PAUSE_S)
