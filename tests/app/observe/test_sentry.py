"""Bug reports: what goes out, and what never does."""

import json
import logging
from collections.abc import Iterator
from functools import partial
from typing import Any, ClassVar

import pytest
import sentry_sdk
from pydantic import BaseModel
from sentry_sdk.envelope import Envelope
from sentry_sdk.transport import Transport

from app.observe.sentry import HIDDEN, SentryTags, start_sentry, stop_sentry
from app.settings import Settings
from core.errors import NotFound, Transient
from core.ids import ConversationId, MessageId, ProjectId
from engine import EventData, JobContext, RunFailed, StepFailed, job
from engine.testing import TestEngine
from jobs.events import MessageSent
from llm.faults import ModelUnauthorized
from store.errors import StoreUnavailable

log = logging.getLogger("polaris.test")

PASSWORD = "correct horse battery"  # noqa: S105 - made up
INTERNAL_KEY = "internal-key-0123456789"


class Kept(Transport):
    """Keeps what would be sent."""

    sent: ClassVar[list[dict[str, Any]]] = []

    def capture_envelope(self, envelope: Envelope) -> None:
        event = envelope.get_event()
        if event is not None:
            self.sent.append(json.loads(json.dumps(event, default=str)))


@pytest.fixture
def sent() -> Iterator[list[dict[str, Any]]]:
    Kept.sent.clear()
    settings = Settings.model_validate(
        {
            "sentry_dsn": "https://public@sentry.example/1",
            "sentry_environment": "test",
            "database_url": f"postgresql://polaris:{PASSWORD}@db/polaris",
            "convex_internal_key": INTERNAL_KEY,
        }
    )
    start_sentry(settings, transport=Kept)
    yield Kept.sent
    stop_sentry()
    sentry_sdk.get_global_scope().set_client(None)


def broken(text: str) -> None:
    """A bug with something private in a local variable."""
    file_body = "the body of a file"
    log.debug("private", extra={"size": len(file_body)})
    raise RuntimeError(text)


def report(error_text: str, **fields: str) -> None:
    try:
        broken(error_text)
    except RuntimeError:
        log.exception("step_broke", extra=fields)


def test_a_bug_is_sent_with_run_step_and_message_as_tags(sent: list[dict[str, Any]]) -> None:
    report("boom", run_id="run_1", step_id="turn-0", message_id="msg_1", other="not a tag")
    (event,) = sent
    assert event["tags"] == {"run_id": "run_1", "step_id": "turn-0", "message_id": "msg_1"}
    assert event["environment"] == "test"
    assert event["exception"]["values"][0]["value"] == "boom"
    assert "not a tag" not in json.dumps(event)


def test_local_variables_and_files_stay_here(sent: list[dict[str, Any]]) -> None:
    report("boom")
    text = json.dumps(sent)
    assert "the body of a file" not in text
    for frame in sent[0]["exception"]["values"][0]["stacktrace"]["frames"]:
        assert "vars" not in frame
    assert "breadcrumbs" not in sent[0]
    assert not sent[0].get("server_name")


SECRETS = [
    PASSWORD,
    INTERNAL_KEY,
    "sk-ant-api03-abcdefghijklmnop",
    "ghp_abcdefghijklmnopqrstuvwxyz012345",
    "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl",
    "Bearer 0123456789abcdef",
    "someone:hunter22@",
]


@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_in_an_error_text_is_hidden(sent: list[dict[str, Any]], secret: str) -> None:
    report(f"cannot reach https://{secret}example.org at all")
    text = json.dumps(sent)
    assert len(sent) == 1
    assert secret.removesuffix("@") not in text
    assert HIDDEN in text


class Row(BaseModel):
    size: int


def test_what_a_validator_quotes_is_hidden(sent: list[dict[str, Any]]) -> None:
    try:
        Row.model_validate({"size": "contents of a file"})
    except ValueError:
        log.exception("row_broke")
    assert len(sent) == 1
    assert "contents of a file" not in json.dumps(sent)


@pytest.mark.parametrize("error", [NotFound("not there"), Transient("away"), KeyboardInterrupt()])
def test_expected_errors_are_not_sent(sent: list[dict[str, Any]], error: BaseException) -> None:
    for raised in (error, BaseExceptionGroup("several", [error])):
        log.error("expected", exc_info=raised)
    assert sent == []


def test_a_step_that_failed_for_an_expected_reason_is_not_sent(sent: list[dict[str, Any]]) -> None:
    code = ModelUnauthorized.code
    log.error("run_failed", exc_info=StepFailed("turn-0", "Renamed", "bad key", code=code))
    code = StoreUnavailable.code
    log.error("run_failed", exc_info=RunFailed("run_1", "Renamed", "away", code=code))
    assert sent == []


def test_a_bug_whose_class_has_the_name_of_an_expected_error_is_sent(
    sent: list[dict[str, Any]],
) -> None:
    log.error("run_failed", exc_info=StepFailed("turn-0", "NotFound", "another's", code=None))
    assert len(sent) == 1


@job("answers", on=MessageSent)
async def answers(ctx: JobContext[MessageSent]) -> None:
    async def turn() -> None:
        raise AttributeError("no such thing")

    await ctx.step.run("turn-0", turn)


async def test_a_run_that_a_bug_has_failed_is_sent_with_the_message_it_answers(
    sent: list[dict[str, Any]],
) -> None:
    asked = MessageSent(
        message_id=MessageId("js7abc"),
        conversation_id=ConversationId("c1"),
        project_id=ProjectId("p1"),
    )
    outcome = await TestEngine(answers, event=asked, middleware=[SentryTags()]).execute()
    assert outcome.status == "failed"
    report("outside")
    of_run, outside = sent
    tags = {"run_id": outcome.run_id, "step_id": "turn-0", "message_id": "js7abc"}
    assert {name: of_run["tags"].get(name) for name in tags} == tags
    assert "message_id" not in outside.get("tags", {})


def test_a_bug_among_expected_errors_is_sent(sent: list[dict[str, Any]]) -> None:
    mixed = ExceptionGroup("several", [NotFound("not there"), RuntimeError("boom")])
    log.error("mixed", exc_info=mixed)
    assert len(sent) == 1


class Asked(EventData, event="test/asked"):
    pass


@job("careless", on=Asked)
async def careless(ctx: JobContext[Asked]) -> None:
    async def step(text: str) -> None:
        report(text)

    async def branch(number: int) -> None:
        await ctx.step.run(f"s{number}", step, f"boom {number}")

    await ctx.step.parallel(partial(branch, 0), partial(branch, 1))
    report("after")


async def test_what_is_reported_inside_a_run_says_which_run_and_step(
    sent: list[dict[str, Any]],
) -> None:
    outcome = await TestEngine(careless, event=Asked(), middleware=[SentryTags()]).execute()
    assert outcome.error is None
    report("outside")
    tags = {event["exception"]["values"][0]["value"]: event.get("tags") for event in sent}
    of_run = {"run_id": outcome.run_id, "job_id": "careless"}
    assert tags == {
        "boom 0": {**of_run, "step_id": "1.0/s0"},
        "boom 1": {**of_run, "step_id": "1.1/s1"},
        "after": of_run,
        "outside": {},
    }


def test_without_a_dsn_nothing_is_started() -> None:
    start_sentry(Settings.model_validate({}), transport=Kept)
    assert not sentry_sdk.get_client().is_active()
