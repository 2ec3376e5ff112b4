"""Settings of answers: how long they may become, how they are written, what stops them."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, get_args

from pydantic import AfterValidator, Field

from agent.means import Whose
from app.settings.group import Addresses, Group, Names


def _budgets(names: tuple[str, ...]) -> tuple[str, ...]:
    if names == ("none",):
        return ()
    if set(names) - set(get_args(Whose)):
        raise ValueError(f"none, or some of {', '.join(get_args(Whose))}")
    return names


class BusyPolicy(StrEnum):
    """What a new message does to one that is still being answered in the same conversation."""

    CANCEL = "cancel"
    REJECT = "reject"
    QUEUE = "queue"
    STEER = "steer"


class AnswerSettings(Group):
    """What an answer may take, and what a message does to one that is running."""

    busy_policy: BusyPolicy = Field(
        default=BusyPolicy.CANCEL,
        validation_alias="POLARIS_BUSY_POLICY",
        description="What a new message does to a running one: cancel, reject, queue or steer.",
    )
    run_limit: int | None = Field(
        default=None,
        ge=1,
        le=100,
        validation_alias="POLARIS_RUN_LIMIT",
        description="Answers that a person may have at once; a Convex of its own needs it, too.",
    )
    model_wait_s: float = Field(
        default=900.0,
        ge=0,
        le=86_400,
        validation_alias="POLARIS_MODEL_WAIT_S",
        description="Seconds that a turn waits for a provider that says when to ask again.",
    )
    package_registries: Addresses = Field(
        default=(),
        validation_alias="POLARIS_PACKAGE_REGISTRIES",
        description="host:port of package registries that commands reach; none by default.",
    )
    history_tokens: int | None = Field(
        default=None,
        ge=1_000,
        validation_alias="POLARIS_HISTORY_TOKENS",
        description="Most tokens of a conversation to send; not set: what the window holds.",
    )
    max_steps: int = Field(
        default=50,
        ge=1,
        le=200,
        validation_alias="POLARIS_MAX_STEPS",
        description="Model turns an answer may take before it has to end.",
    )
    answer_budget_usd: float | None = Field(
        default=None,
        ge=0,
        allow_inf_nan=False,
        validation_alias="POLARIS_ANSWER_BUDGET_USD",
        description="US dollars that an answer may take, where prices are known; not set: any.",
    )
    answer_budget_tokens: int | None = Field(
        default=None,
        ge=0,
        validation_alias="POLARIS_ANSWER_BUDGET_TOKENS",
        description="Tokens that an answer may take, cached ones included; not set: any number.",
    )
    conversation_budget_usd: float | None = Field(
        default=None,
        ge=0,
        allow_inf_nan=False,
        validation_alias="POLARIS_CONVERSATION_BUDGET_USD",
        description="US dollars that a conversation's answers may take together; not set: any.",
    )
    conversation_budget_tokens: int | None = Field(
        default=None,
        ge=0,
        validation_alias="POLARIS_CONVERSATION_BUDGET_TOKENS",
        description="Tokens that a conversation's answers may take together; not set: any number.",
    )
    raisable_budgets: Annotated[Names, AfterValidator(_budgets)] = Field(
        default=("answer", "conversation", "day"),
        validation_alias="POLARIS_RAISABLE_BUDGETS",
        description="Budgets at whose end people are asked for more; the others end answers.",
    )
    day_budget_usd: float | None = Field(
        default=None,
        ge=0,
        allow_inf_nan=False,
        validation_alias="POLARIS_DAY_BUDGET_USD",
        description="US dollars that a person's answers may take on a day (UTC); not set: any.",
    )
    day_budget_tokens: int | None = Field(
        default=None,
        ge=0,
        validation_alias="POLARIS_DAY_BUDGET_TOKENS",
        description="Tokens that a person's answers may take on a day (UTC); not set: any number.",
    )
    condense_percent: int = Field(
        default=80,
        ge=20,
        le=100,
        validation_alias="POLARIS_CONDENSE_PERCENT",
        description="How full a conversation gets before the model sums it up; 100: never.",
    )
    flush_ms: int = Field(
        default=100,
        ge=10,
        le=5000,
        validation_alias="POLARIS_FLUSH_MS",
        description="Longest that streamed text waits for more before it is written, in ms.",
    )
    grace_s: float = Field(
        default=10.0,
        ge=0,
        le=600,
        validation_alias="POLARIS_GRACE_S",
        description="Seconds that running requests and steps get to finish after SIGTERM.",
    )
    language_servers: Path | None = Field(
        default=None,
        validation_alias="POLARIS_LANGUAGE_SERVERS",
        description="A JSON file with more language servers, or others; see docs/agent.md.",
    )
    ask_timeout_s: float = Field(
        default=86_400.0,
        ge=10,
        le=7 * 86_400,
        validation_alias="POLARIS_ASK_TIMEOUT_S",
        description="Seconds that a run waits for a person: answers to questions, approvals.",
    )
