"""What the agent asks a person: routes, and what goes in and comes out."""

from typing import Annotated

from fastapi import Query
from pydantic import Field

from app.http.access import CONFLICT, CallerDep, ServicesDep, api_router
from app.http.parameters import IdempotencyKey
from app.http.project_settings import ApprovalRuleAnswer
from app.wire.shapes import Answer, Body, CreationTimes, Millis
from core.ids import AskId, ConversationId, MessageId, ProjectId
from store.records import AskAnswer, AskDecision, AskKind, AskScope, AskStatus, BudgetName

router = api_router("asks")

MAX_TEXT_CHARS = 10_000

PageSize = Annotated[int, Query(ge=1, le=100)]
Text = Annotated[str, Field(min_length=1, max_length=MAX_TEXT_CHARS)]


class NewAnswer(Body):
    """To a question either `choice` or `text`; to an approval or a used up budget a `decision`.

    A denial may say why, as `text`: the model reads it.

    The scope of an allowance: this call (`once`), what the same rule asks about in this run
    (`run`), or such calls from now on (`always`), for which the project gets rules.

    Whoever allows more of a budget says how much more, in what it is used up in.
    """

    choice: Text | None = None
    text: Text | None = None
    decision: AskDecision | None = Field(None, examples=["allow"])
    scope: AskScope | None = Field(None, examples=["once"])
    more_tokens: int | None = Field(None, gt=0, le=1_000_000_000, examples=[None])
    more_usd: float | None = Field(None, gt=0, le=100_000, allow_inf_nan=False, examples=[None])


class GivenAnswer(Answer):
    """What the person has said."""

    choice: str | None = None
    text: str | None = None
    decision: AskDecision | None = None
    scope: AskScope | None = None
    more_tokens: int | None = None
    more_usd: float | None = None


class BudgetShown(Answer):
    """A budget, in tokens, dollars or both, and what was taken of it when the agent asked."""

    of: BudgetName
    tokens: int | None = None
    usd: float | None = None
    spent_tokens: int
    spent_usd: float | None = None


class AskShown(CreationTimes):
    """A question of the agent, a call that waits for approval, or a budget that is used up.

    An open one waits for you.
    """

    ask_id: AskId
    kind: AskKind
    status: AskStatus
    project_id: ProjectId
    conversation_id: ConversationId
    message_id: MessageId
    turn: int
    tool_call_id: str
    expires_at: Millis
    ended_at: Millis | None = None
    question: str | None = None
    choices: tuple[str, ...] | None = None
    allows_text: bool | None = None
    tool_name: str | None = None
    command: str | None = None
    paths: tuple[str, ...] | None = None
    preview: str | None = None
    rule: ApprovalRuleAnswer | None = None
    patterns: tuple[str, ...] | None = None
    budget: BudgetShown | None = None
    answer: GivenAnswer | None = None


class AskList(Answer):
    """What was asked, newest first."""

    asks: tuple[AskShown, ...]


@router.get("/conversations/{conversation_id}/asks", response_model_exclude_none=True)
async def list_asks(
    conversation_id: ConversationId,
    services: ServicesDep,
    caller: CallerDep,
    limit: PageSize = 50,
) -> AskList:
    """What the agent has asked in a conversation, newest first; `open` ones wait for an answer."""
    asks = await services.asking.list(conversation_id, owner=caller.owner, limit=limit)
    return AskList(asks=tuple(AskShown.model_validate(ask) for ask in asks))


@router.post("/asks/{ask_id}/answer", response_model_exclude_none=True, responses=CONFLICT)
async def answer_ask(
    ask_id: AskId,
    body: NewAnswer,
    services: ServicesDep,
    caller: CallerDep,
    key: IdempotencyKey = None,
) -> AskShown:
    """Answer once: 409 `already_answered` for a second answer, `ask_closed` when nobody waits."""
    answer = AskAnswer(
        choice=body.choice,
        text=body.text,
        decision=body.decision,
        scope=body.scope,
        more_tokens=body.more_tokens,
        more_usd=body.more_usd,
    )
    answered = await services.asking.answer(ask_id, answer, owner=caller.owner, key=key)
    return AskShown.model_validate(answered)
