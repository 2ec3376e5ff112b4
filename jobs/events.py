"""The events that start and stop jobs. They are stored: a new field has a default."""

from typing import Literal

from pydantic import TypeAdapter

from agent.means import Budget
from core.ids import AskId, ConversationId, MessageId, OwnerId, ProjectGenerationId, ProjectId
from core.usage import Usage
from engine import Event, EventData, NonRetriable, ReceivedEvent
from store.records import ApprovalRule, OutboxEvent, ProjectSettings
from tools.approvals import Rule
from tools.sandbox.registries import ALL, Registries

_USER_ID = "id"
_RULES = TypeAdapter(tuple[Rule, ...])


class MessageSent(EventData, event="message/sent"):
    """A person's message and the placeholder of its answer are in the store.

    The event's id names this answering of the message: a retry has another one.
    """

    message_id: MessageId  # the placeholder: what is to be answered
    conversation_id: ConversationId
    project_id: ProjectId
    uses_mcp: bool = False  # the project names MCP servers
    tool_set: Literal["paths", "ids"] = "paths"  # as the project had chosen, as what follows
    registries: str | None = None  # see `registries_of`
    model: str | None = None  # `provider/model`, as the person has chosen; None: the default
    approvals: str = ""  # see `approvals_of`
    asks_for_means: bool = False  # its person is asked where a budget is used up
    has_budget: bool = False  # its conversation has one


class TaskAsked(EventData, event="task/asked"):
    """A sub-agent is to do what a message of its own conversation says.

    Its run is invoked by the one that asks, from which it has all but the first four.
    """

    message_id: MessageId  # the placeholder: what the sub-agent is to answer with
    works_for: MessageId  # the answer with the call
    tools: tuple[str, ...] | None = None  # those that it has; None: all that it can have
    budgets: tuple[Budget, ...] | None = None  # of that answer, as they stood
    used: Usage = Usage()  # of it, where its run began before it handed on budgets
    project_id: ProjectId
    owner_id: OwnerId
    uses_mcp: bool = False
    tool_set: Literal["paths", "ids"] = "paths"
    registries: str | None = None  # see `registries_of`
    model: str | None = None
    approvals: str = ""  # see `approvals_of`


class MessageCancelled(EventData, event="message/cancelled"):
    """An answer was cancelled in the store; the run behind it is to stop."""

    message_id: MessageId


class AskAnswered(EventData, event="ask/answered"):
    """A person has answered what the agent asked; the run that waits for it goes on."""

    ask_id: AskId
    message_id: MessageId
    conversation_id: ConversationId
    project_id: ProjectId


class TitleWanted(EventData, event="conversation/title.wanted"):
    """A conversation that nobody has named has a message in the store."""

    conversation_id: ConversationId


class ImportRequested(EventData, event="github/import.requested"):
    """A project and the import that is to fill it are in the store.

    `below` is what followed `/tree/` in the address, its names joined by `/`.
    """

    transfer_id: str
    project_id: ProjectId
    repository: str  # owner/name
    below: str = ""
    is_file: bool = False
    ref: str | None = None
    folder: str = ""


class ArchiveImportRequested(EventData, event="archive/import.requested"):
    """A project and the import that is to fill it are in the store, and the archive beside them."""

    transfer_id: str
    project_id: ProjectId


class ExportRequested(EventData, event="github/export.requested"):
    """An export of a project to a repository is in the store.

    `repository`: owner/name, or only the name: then it is made for the connected account.
    `message`: empty for one that is made up from what has changed.
    """

    transfer_id: str
    project_id: ProjectId
    repository: str
    message: str
    may_create: bool
    must_create: bool = False
    is_private: bool = True
    description: str = ""
    author: str = ""  # `Name <mail>`, as the next; empty: as the server's settings say
    committer: str = ""
    co_authors: str = ""  # one a line


class PullRequested(EventData, event="github/pull.requested"):
    """A pull of what is new in a project's repository is in the store."""

    transfer_id: str
    project_id: ProjectId


class ProposalRequested(EventData, event="github/pull-request.requested"):
    """A pull request from a project to its repository is in the store.

    What is empty is made up: the branch from the project, the rest from what has changed.
    """

    transfer_id: str
    project_id: ProjectId
    branch: str = ""
    title: str = ""
    body: str = ""
    message: str = ""
    author: str = ""
    committer: str = ""
    co_authors: str = ""


class TransferCancelled(EventData, event="transfer/cancelled"):
    """A transfer was cancelled in the store; the run behind it is to stop."""

    transfer_id: str


class GenerateRequested(EventData, event="project/generate-requested"):
    """A project is to be made from a description, which is in the store. The event has its id."""

    project_generation_id: ProjectGenerationId
    project_id: ProjectId
    registries: str | None = None  # see `registries_of`
    approvals: str = ""  # see `approvals_of`


class GenerateCancelled(EventData, event="project/generate-cancelled"):
    """The making of a project was cancelled in the store; the run behind it is to stop."""

    project_generation_id: ProjectGenerationId


class AccountDeletionRequested(EventData, event="account/deletion.requested"):
    """An account is to be deleted; the store knows whose. The event has no user, and stays."""

    deletion_id: str


def engine_event(event: OutboxEvent) -> Event:
    """The event as the engine takes it; its id makes a second send harmless."""
    user = user_of(event.user_id) if event.user_id else None
    return Event(name=event.name, data=event.data, id=event.event_id, user=user)


def registries_of(asked: MessageSent | TaskAsked | GenerateRequested) -> Registries:
    """Which package registries the run may reach: `host:port` with commas between, or all."""
    if asked.registries is None:
        return ALL
    return Registries(frozenset(name for name in asked.registries.split(",") if name))


def settings_of_run(settings: ProjectSettings) -> dict[str, str]:
    """What an event says of a project's settings, as `settingsOfRun` of convex/ writes it."""
    data: dict[str, str] = {}
    if settings.tool_set is not None:
        data["toolSet"] = settings.tool_set
    if settings.registries is not None:
        data["registries"] = ",".join(settings.registries)
    if settings.approvals:
        rules = tuple(rule_of(rule) for rule in settings.approvals)
        data["approvals"] = _RULES.dump_json(rules, exclude_none=True).decode()
    return data


def rule_of(kept: ApprovalRule) -> Rule:
    """A rule for approvals as the tools know it."""
    return Rule(kept.tool, kept.policy, kept.pattern)


def approvals_of(asked: MessageSent | TaskAsked | GenerateRequested) -> tuple[Rule, ...]:
    """By which rules the run asks a person; the event has them as JSON."""
    return _RULES.validate_json(asked.approvals) if asked.approvals else ()


def sender_of(event: ReceivedEvent[EventData]) -> OwnerId:
    """Who caused the event: the owner through whom everything in it is found."""
    if not event.user or _USER_ID not in event.user:
        raise NonRetriable(f"event {event.name!r} does not say who sent it")
    return OwnerId(str(event.user[_USER_ID]))


def user_of(owner: OwnerId) -> dict[str, str]:
    """How an event says who caused it; read back by `sender_of`."""
    return {_USER_ID: owner}
