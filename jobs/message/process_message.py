"""The job behind the chat panel: answer a message, editing the project on the way."""

from dataclasses import dataclass
from typing import Literal

from core.ids import MessageId
from engine import CancelOn, Concurrency, FailureContext, JobContext, job
from jobs.agents import Agents
from jobs.answer.answer import RETRY, Answer, AnswerClosed, fail_answer
from jobs.events import MessageCancelled, MessageSent, sender_of


@dataclass(frozen=True)
class ProcessedMessage:
    """How the run ended. `closed`: the message was final before the run could finish it."""

    message_id: MessageId
    status: Literal["completed", "closed"]
    turns: int = 0
    tool_calls: int = 0


async def mark_failed(ctx: FailureContext[MessageSent]) -> None:
    """Close the message with the reason."""
    agent = await ctx.need(Agents).for_failure(ctx.event)
    await fail_answer(ctx, ctx.event.data.message_id, agent)


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
    asked = ctx.event.data
    agents = ctx.need(Agents)
    recorder = agents.recorder(ctx.run_id)
    steps = ctx.step if recorder is None else recorder.steps(ctx.step)
    agent = await agents.for_message(ctx.event, steps)
    if recorder is not None:
        agent = recorder.begins("process-message", ctx.event, agent)
    answer = Answer(
        ctx,
        asked.message_id,
        project_id=asked.project_id,
        owner=sender_of(ctx.event),
        recorder=recorder,
    )
    try:
        outcome = await answer.write(agent, for_tasks=asked)
    except AnswerClosed:
        return ProcessedMessage(asked.message_id, "closed")
    return ProcessedMessage(asked.message_id, "completed", outcome.turns, outcome.tool_calls)
