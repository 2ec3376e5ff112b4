"""Why an answer failed is told by the code of what failed it, whatever its class is called."""

import pytest

from core.errors import Refused, Transient
from core.ids import ConversationId, MessageId, ProjectId
from engine import FailureContext, JobContext, NonRetriable, RetryPolicy, RunError, job
from engine.testing import TestEngine
from jobs.events import MessageSent
from jobs.words import failure_words
from llm.faults import ModelUnauthorized, ModelUnavailable, PromptTooLong
from store.errors import AnswerTooLong, StoreUnavailable

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
