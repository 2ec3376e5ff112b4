"""The job that gives a conversation its title, beside the first answer and never before it."""

from dataclasses import dataclass
from typing import Literal

from core.errors import NotFound
from core.ids import ConversationId
from engine import Concurrency, JobContext, StepFailed, job
from jobs.answer.answer import RETRY
from jobs.events import TitleWanted, sender_of
from jobs.message.titles import Titles, Titling
from store.gateway import Store


@dataclass(frozen=True)
class TitledConversation:
    """How it ended. `kept`: it had a title, or somebody named it meanwhile, or it is gone."""

    conversation_id: ConversationId
    status: Literal["titled", "kept"]


@job(
    "title-conversation",
    on=TitleWanted,
    concurrency=[Concurrency(limit=1, key="event.data.conversationId", counts="runs")],
    fairness="event.user.id",
    retries=RETRY,
)
async def title_conversation(ctx: JobContext[TitleWanted]) -> TitledConversation:
    """Find a title for a conversation that has none, and keep it unless it has one by then."""
    wanted = ctx.event.data
    titling = Titling(
        ctx.need(Store), ctx.need(Titles), wanted.conversation_id, sender_of(ctx.event)
    )
    try:
        title = await ctx.step.run("find", titling.find)
        is_titled = bool(title) and await ctx.step.run("keep", titling.keep, title)
    except StepFailed as failed:
        if failed.code != NotFound.code:
            raise
        is_titled = False  # the conversation was deleted
    return TitledConversation(wanted.conversation_id, "titled" if is_titled else "kept")
