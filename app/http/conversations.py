"""Conversations: routes, and what goes in and comes out; the messages in one."""

from typing import Annotated, Literal

from fastapi import Query
from pydantic import Field, computed_field

from app.http.access import CallerDep, ServicesDep, api_router
from app.http.errors import InvalidRequest
from app.http.messages.wire import MessageAnswer, MessagePage
from app.http.parameters import Cursor, IdempotencyKey
from app.wire.shapes import Answer, Body, CreationTimes, Millis, ModelName, Name, Success
from core.ids import ConversationId, MessageId, ProjectId
from store.records import Bounds

router = api_router("conversations")

PageSize = Annotated[int, Query(ge=1, le=100)]


class NewConversation(Body):
    """A conversation to start."""

    title: Name = Field("New conversation", examples=["New conversation"])


class ConversationBudget(Body):
    """What all answers of a conversation may take: tokens, US dollars, or both; 0 is nothing."""

    tokens: int | None = Field(None, ge=0, le=1_000_000_000, examples=[2_000_000])
    usd: float | None = Field(None, ge=0, le=100_000, allow_inf_nan=False, examples=[5.0])


class ConversationPatch(Body):
    """What to change; what is left out stays.

    A `model` or `budget` of null takes it back to what is everywhere.
    """

    title: Name = ""
    model: ModelName | None = None
    budget: ConversationBudget | None = None


class BudgetAnswer(Answer):
    """What all answers of a conversation may take."""

    tokens: int | None = None
    usd: float | None = None


class ConversationAnswer(CreationTimes):
    """A thread of messages."""

    conversation_id: ConversationId
    project_id: ProjectId
    title: str
    updated_at: Millis
    model: str | None = Field(None, description="Who answers in it; missing: the default.")
    budget: BudgetAnswer | None = Field(
        None, description="What its answers may take together; missing: as everywhere."
    )
    edited_from: MessageId | None = Field(
        None, description="The message that was edited: what came before it is copied here."
    )

    @computed_field(alias="_id")
    @property
    def row_id(self) -> ConversationId:
        """The same id, under Convex's name."""
        return self.conversation_id


class ConversationPage(Answer):
    """Conversations, newest first."""

    conversations: tuple[ConversationAnswer, ...]
    next_cursor: str | None = None


class TodoAnswer(Answer):
    """One item of a plan."""

    text: str
    status: Literal["pending", "in_progress", "completed"]


class TodosAnswer(Answer):
    """The model's plan; the message is the answer that has written it last."""

    todos: tuple[TodoAnswer, ...] = ()
    message_id: MessageId | None = None
    updated_at: Millis | None = None


@router.get("/projects/{project_id}/conversations", response_model_exclude_none=True)
async def list_conversations(
    project_id: ProjectId,
    services: ServicesDep,
    caller: CallerDep,
    limit: PageSize = 50,
    cursor: Cursor = None,
) -> ConversationPage:
    """A project's conversations, newest first."""
    page = await services.store.conversations.list(
        project_id, owner=caller.owner, limit=limit, cursor=cursor
    )
    items = tuple(ConversationAnswer.model_validate(row) for row in page.items)
    return ConversationPage(conversations=items, next_cursor=page.next_cursor)


@router.post(
    "/projects/{project_id}/conversations", status_code=201, response_model_exclude_none=True
)
async def create_conversation(
    project_id: ProjectId,
    body: NewConversation,
    services: ServicesDep,
    caller: CallerDep,
    key: IdempotencyKey = None,
) -> ConversationAnswer:
    """Start a conversation."""
    conversation = await services.store.conversations.create(
        project_id, owner=caller.owner, title=body.title, key=key
    )
    return ConversationAnswer.model_validate(conversation)


@router.get("/conversations/{conversation_id}", response_model_exclude_none=True)
async def get_conversation(
    conversation_id: ConversationId, services: ServicesDep, caller: CallerDep
) -> ConversationAnswer:
    """One conversation."""
    conversation = await services.store.conversations.owned(conversation_id, owner=caller.owner)
    return ConversationAnswer.model_validate(conversation)


@router.patch("/conversations/{conversation_id}", response_model_exclude_none=True)
async def change_conversation(
    conversation_id: ConversationId,
    body: ConversationPatch,
    services: ServicesDep,
    caller: CallerDep,
) -> ConversationAnswer:
    """Give it another title, model or budget; the last two hold from the next message on."""
    if not body.model_fields_set:
        raise InvalidRequest("Give a title, a model or a budget", field="title")
    conversations, owner = services.store.conversations, caller.owner
    conversation = await conversations.owned(conversation_id, owner=owner)
    model = services.choosing.checked(body.model)
    if "title" in body.model_fields_set:
        conversation = await conversations.rename(conversation_id, owner=owner, title=body.title)
    if "model" in body.model_fields_set:
        conversation = await conversations.choose_model(conversation_id, owner=owner, model=model)
    if "budget" in body.model_fields_set:
        given = body.budget
        budget = None if given is None else Bounds(given.tokens, given.usd)
        conversation = await conversations.set_budget(conversation_id, owner=owner, budget=budget)
    return ConversationAnswer.model_validate(conversation)


@router.delete("/conversations/{conversation_id}")
async def delete_conversation(
    conversation_id: ConversationId, services: ServicesDep, caller: CallerDep
) -> Success:
    """Delete it with its messages; what is being written in it stops, files stay as they are."""
    await services.messaging.delete_conversation(conversation_id, owner=caller.owner)
    return Success()


@router.get("/conversations/{conversation_id}/messages", response_model_exclude_none=True)
async def list_messages(
    conversation_id: ConversationId,
    services: ServicesDep,
    caller: CallerDep,
    limit: PageSize = 50,
    cursor: Cursor = None,
) -> MessagePage:
    """The latest messages, oldest first; `nextCursor` leads to older ones."""
    page = await services.store.messages.list(
        conversation_id, owner=caller.owner, limit=limit, cursor=cursor
    )
    items = tuple(MessageAnswer.model_validate(message) for message in reversed(page.items))
    return MessagePage(messages=items, next_cursor=page.next_cursor)


@router.get("/conversations/{conversation_id}/todos", response_model_exclude_none=True)
async def get_todos(
    conversation_id: ConversationId, services: ServicesDep, caller: CallerDep
) -> TodosAnswer:
    """The plan of the model, as it has ticked it off so far; empty where it made none."""
    plan = await services.store.conversations.todos(conversation_id, owner=caller.owner)
    if plan is None:
        return TodosAnswer()
    todos = tuple(TodoAnswer(text=item.text, status=item.status) for item in plan.items)
    return TodosAnswer(todos=todos, message_id=plan.message_id, updated_at=plan.updated_at)
