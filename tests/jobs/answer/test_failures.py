"""Why an answer failed is told by the code of what failed it, whatever its class is called."""

from datetime import UTC, datetime

import pytest

from agent.waiting import ProviderBusy
from core.errors import Refused, Transient
from core.ids import ConversationId, MessageId, ProjectId
from engine import FailureContext, JobContext, NonRetriable, RetryPolicy, RunError, job
from engine.testing import TestEngine
from jobs.answer.words import failure_words
from jobs.events import MessageSent
from llm.faults import (
    Misconfigured,
    ModelUnauthorized,
    ModelUnavailable,
    NoModelConfigured,
    Overloaded,
    PromptTooLong,
    RateLimited,
    Unreachable,
)
from store.errors import AnswerTooLong, StoreUnavailable

LATER = datetime(2026, 1, 1, 12, 30, tzinfo=UTC)
ASKED = MessageSent(
    message_id=MessageId("m1"), conversation_id=ConversationId("c1"), project_id=ProjectId("p1")
)


class ProviderAway(ModelUnavailable):
    """A class that the words do not know, of a kind that they do."""


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (ModelUnavailable("away"), "model_unavailable"),
        (ProviderAway("away"), "model_unavailable"),
        (Unreachable("away"), "unreachable"),
        (Overloaded("busy"), "overloaded"),
        (RateLimited("wait", retry_at=LATER), "rate_limited"),
        (ProviderBusy(LATER), "rate_limited"),
        (Misconfigured("html"), "misconfigured"),
        (NoModelConfigured("none"), "no_model"),
        (ModelUnauthorized("key"), "model_unauthorized"),
        (PromptTooLong("long"), "prompt_too_long"),
        (AnswerTooLong("long"), "answer_too_long"),
        (StoreUnavailable("away"), "store_unavailable"),
        (Refused("no"), "internal"),
        (Transient("wait"), "internal"),
        (ValueError("a bug"), "internal"),
        (type("ModelUnavailable", (Exception,), {})("somebody else's"), "internal"),
        (NonRetriable("no"), "internal"),
    ],
)
async def test_failure_has_the_words_of_its_code(failure: Exception, code: str) -> None:
    found: list[RunError] = []

    async def close(ctx: FailureContext[MessageSent]) -> None:
        found.append(ctx.error)

    @job("fails", on=MessageSent, retries=RetryPolicy(max_attempts=1), on_failure=close)
    async def fails(ctx: JobContext[MessageSent]) -> None:
        async def turn() -> None:
            raise failure

        await ctx.step.run("turn", turn)

    await TestEngine(fails, event=ASKED).execute()
    assert failure_words(found[0])[0] == code


def test_failure_that_old_code_has_stored_has_words() -> None:
    stored = {"name": "ModelUnavailable", "message": "away", "stepId": "turn-0"}
    code, words = failure_words(RunError.from_json(stored))
    assert code == "internal"
    assert "try again" in words


def test_different_causes_have_different_words() -> None:
    kinds = (
        ModelUnavailable, Unreachable, Overloaded, RateLimited, Misconfigured, NoModelConfigured,
        ModelUnauthorized, PromptTooLong, AnswerTooLong, StoreUnavailable,
    )  # fmt: skip
    texts = {failure_words(RunError("", "", None, kind.code))[1] for kind in kinds}
    assert len(texts) == len(kinds)


def test_a_wait_that_is_too_long_says_until_when() -> None:
    busy = ProviderBusy(LATER)
    _, words = failure_words(RunError("ProviderBusy", str(busy), "turn-0", busy.code))
    assert "12:30 UTC on 1 January 2026" in words
