"""The job behind `task`: a sub-agent answers, for a call of the answer that has invoked it."""

from dataclasses import dataclass
from typing import Literal

from core.ids import EventId, MessageId
from engine import CancelOn, FailureContext, JobContext, job
from jobs.agents import Agents
from jobs.answer.answer import RETRY, Answer, AnswerClosed, fail_answer
from jobs.events import MessageCancelled, TaskAsked


@dataclass(frozen=True)
class DoneTask:
    """How the run ended. `closed`: its answer was final before the run could finish it."""

    message_id: MessageId
    status: Literal["completed", "closed"]


async def mark_failed(ctx: FailureContext[TaskAsked]) -> None:
    """Close the answer with the reason."""
    agent = ctx.need(Agents).for_failed_task(ctx.event.data)
    await fail_answer(ctx, ctx.event.data.message_id, agent)


@job(
    "run-task",
    on=TaskAsked,
    cancel_on=[CancelOn(MessageCancelled, match="data.messageId")],
    fairness="event.data.ownerId",
    retries=RETRY,
    on_failure=mark_failed,
)
async def run_task(ctx: JobContext[TaskAsked]) -> DoneTask:
    """Answer in the conversation of the task; who invokes the run reads the answer there."""
    asked = ctx.event.data
    agent = await ctx.need(Agents).for_task(asked, ctx.step)
    answer = Answer(
        ctx,
        asked.message_id,
        project_id=asked.project_id,
        owner=asked.owner_id,
        generation_id=EventId(asked.message_id),
        works_for=asked.works_for,
    )
    try:
        await answer.write(agent)
    except AnswerClosed:
        return DoneTask(asked.message_id, "closed")
    return DoneTask(asked.message_id, "completed")
