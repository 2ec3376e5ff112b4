"""The agent's loop: ask the model, run the tools it calls, until it answers."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from agent.durable import Once
from agent.outcome import Outcome
from agent.sink import Sink
from agent.transcript import Transcript
from llm.model import Model
from tools.registry import Toolbox
from tools.tool import Session


@dataclass(frozen=True)
class Limits:
    """Bounds of one run."""

    max_turns: int = 10  # turns that may call tools; one more without tools then ends the run
    max_output_tokens: int = 16_000
    history_tokens: int = 100_000  # half of the smallest window in use, at 4 characters a token
    stream_attempts: int = 4  # of one turn, when the stream breaks in the middle
    parallel_calls: int = 8


@dataclass(frozen=True)
class Agent:
    """What is the same for every run: who answers, with which tools and words, within which bounds.

    `pause` waits that many seconds between two attempts at a turn.
    """

    model: Model
    toolbox: Toolbox
    system: str
    limits: Limits = Limits()
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep


async def run_agent(
    agent: Agent, *, session: Session, transcript: Transcript, sink: Sink, once: Once
) -> Outcome:
    """Answer the last message of `transcript`.

    Each turn of the model is one `once("turn-<n>")` and each tool call one
    `once("tool-<n>-<call_id>")`; outside of them nothing is read or written, so the function can be
    called again with the same arguments after a crash and goes on where it was. A cancel propagates
    at once and nothing is written after it.

    Raises:
        ModelUnavailable, StreamBroken: the model could not be reached after all attempts.
        ModelRefused: the provider rejects the request or the key.
    """
    raise NotImplementedError
