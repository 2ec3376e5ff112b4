"""What a person has used of models, and what it cost: routes, and what comes out."""

from datetime import date, timedelta
from typing import Annotated

from fastapi import Query
from pydantic import Field

from app.http.access import CallerDep, ServicesDep, api_router
from app.wire.shapes import Answer
from core.ids import ConversationId, ProjectId
from store.records import UsageGroups

router = api_router("usage")

DEFAULT_DAYS = 30

Day = Annotated[date | None, Query(examples=["2026-11-28"])]


class UsedAnswer(Answer):
    """What a number of requests to models took: turns and summaries, of failed answers, too."""

    requests: int
    unpriced: int = Field(description="Requests whose cost is not known: `costMicros` lacks them.")
    input_tokens: int = Field(description="Those paid in full: not from the cache, nor into it.")
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    cost_micros: int | None = Field(
        None, description="Millionths of a US dollar; missing where no price is known."
    )


class UsedByAnswer(UsedAnswer):
    """The part of one day, model or project."""

    day: date | None = None
    model: str | None = Field(None, examples=["anthropic/claude-sonnet-5-5"])
    project_id: ProjectId | None = None
    project_name: str | None = Field(None, description="Missing for a project that was deleted.")


class UsageAnswer(Answer):
    """What was used in a number of days; days in order, others by cost, the most first."""

    first: Annotated[date, Field(serialization_alias="from")]
    last: Annotated[date, Field(serialization_alias="to")]
    group_by: UsageGroups
    total: UsedAnswer
    groups: tuple[UsedByAnswer, ...]


@router.get("/usage", response_model_exclude_none=True)
async def get_usage(  # noqa: PLR0913, PLR0917 - each is a parameter of the query
    services: ServicesDep,
    caller: CallerDep,
    first: Annotated[Day, Query(alias="from")] = None,
    last: Annotated[Day, Query(alias="to")] = None,
    by: Annotated[UsageGroups, Query(alias="groupBy")] = "day",
    project_id: Annotated[ProjectId | None, Query(alias="projectId")] = None,
    conversation_id: Annotated[ConversationId | None, Query(alias="conversationId")] = None,
) -> UsageAnswer:
    """What the caller has used from one day (UTC) to another, both included, at most 366 days.

    By default the last 30 days, of all projects.
    """
    last = last or services.clock.now().date()
    first = first or last - timedelta(days=min(DEFAULT_DAYS, last.toordinal()) - 1)
    summary = await services.store.usage.summary(
        owner=caller.owner,
        first=first,
        last=last,
        by=by,
        project_id=project_id,
        conversation_id=conversation_id,
    )
    return UsageAnswer(
        first=first,
        last=last,
        group_by=by,
        total=UsedAnswer.model_validate(summary.total),
        groups=tuple(map(UsedByAnswer.model_validate, summary.groups)),
    )
