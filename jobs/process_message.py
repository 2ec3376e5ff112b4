"""The job behind the chat panel: answer a message, editing the project on the way."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from agent.loop import run_agent
from agent.outcome import Outcome, answer_text
from core.errors import NotFound
from core.ids import MessageId
from engine import (
    CancelOn,
    Concurrency,
    FailureContext,
    JobContext,
    RetryPolicy,
    StepFailed,
    job,
)
from jobs.attempt import Attempt
from jobs.chat import Chat
from jobs.desk import Desk
from jobs.events import MessageCancelled, MessageSent, sender_of
from jobs.stream import StoreSink
from jobs.transcript import StoreTranscript
from jobs.words import failure_words
from store.errors import GenerationClosed

# A step that fails has had the retries of the model client and of the store client before, a minute
# or two of them: once more, and the person hears of it.
RETRY = RetryPolicy(max_attempts=2, min_timeout=2.0)


@dataclass(frozen=True)
class ProcessedMessage:
    """How the run ended. `closed`: the message was final before the run could finish it."""

    message_id: MessageId
    status: Literal["completed", "closed"]
    turns: int = 0
    tool_calls: int = 0


async def mark_failed(ctx: FailureContext[MessageSent]) -> None:
    """Close the message with the reason, in words for the person; the text so far is kept."""
    chat = ctx.need(Chat)
    code, words = failure_words(ctx.error)
    message_id = ctx.event.data.message_id

    async def fail() -> None:
        try:
            await chat.store.generations.fail(
                message_id,
                error=words,
                error_code=code,
                run_id=ctx.run_id,
                model=chat.agent.model.name,
            )
        except NotFound:  # its project was deleted meanwhile
            return

    await ctx.step.run("mark-failed", fail)


@job(
    "process-message",
    on=MessageSent,
    cancel_on=[CancelOn(MessageCancelled, match="data.messageId")],
    concurrency=[Concurrency(limit=1, key="event.data.conversationId", counts="runs")],
    fairness="event.user.id",
    retries=RETRY,
    on_failure=mark_failed,
)
async def process_message(ctx: JobContext[MessageSent]) -> ProcessedMessage:
    """Answer the message of the event: turns and tool calls until the model is done."""
    message_id = ctx.event.data.message_id
    answer = _Answer(ctx)
    try:
        outcome = await answer.write()
        await ctx.step.run("finish", answer.finisher(outcome))
    except StepFailed as failed:
        if failed.code in {GenerationClosed.code, NotFound.code}:
            return ProcessedMessage(message_id, "closed")
        raise
    return ProcessedMessage(message_id, "completed", outcome.turns, outcome.tool_calls)


class _Answer:
    """One execution of the body: the ports of the agent, bound to one message."""

    def __init__(self, ctx: JobContext[MessageSent]) -> None:
        self._ctx = ctx
        self._chat = ctx.need(Chat)
        self._attempt = Attempt(self._chat.store, ctx.event, ctx.run_id)
        folder = self._chat.folders.folder(ctx.event.data.project_id, owner=sender_of(ctx.event))
        self._desk = Desk(self._chat.store, self._attempt, folder)
        self._transcript = StoreTranscript(self._chat.store, self._attempt, self._desk)

    async def write(self) -> Outcome:
        """Run the agent; each turn and tool call is a step of the run."""
        return await run_agent(
            self._chat.agent,
            session=self._desk,
            transcript=self._transcript,
            sink=StoreSink(self._attempt),
            steps=self._ctx.step,
        )

    def finisher(self, outcome: Outcome) -> Callable[[], Awaitable[None]]:
        """The last step: the whole text, in one write with the status."""

        async def finish() -> None:
            text = await answer_text(self._transcript, outcome)
            await self._chat.store.generations.complete(
                await self._attempt.lease(),
                text=text,
                model=outcome.model,
                usage=outcome.usage,
                is_history_cut=outcome.is_shortened,
            )

        return finish
