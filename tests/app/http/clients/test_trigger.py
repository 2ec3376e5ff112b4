"""Trigger.dev's API, by the official SDK and by hand: who may, what starts, what is refused."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.app.http.clients.conftest import ADA, BOB, KEYS
from tests.support.api_client import Api
from tests.support.clients.programs import run_program
from tests.support.product import Program

pytestmark = pytest.mark.timeout(120)  # the first test starts the product


@pytest.fixture
def ada(people: dict[str, Api]) -> Api:
    return people[ADA]


@pytest.fixture
def key() -> dict[str, str]:
    return {"Authorization": f"Bearer {KEYS[ADA].trigger}"}


def at(run: dict[str, Any], field: str) -> datetime:
    return datetime.fromisoformat(run[field])


async def test_every_named_call_of_the_sdk(
    clients_product: Program, people: dict[str, Api], ada: Api
) -> None:
    conversation = await ada.conversation()
    given = {
        "url": clients_product.ready["api"],
        "key": KEYS[ADA].trigger,
        "conversationId": conversation,
        "foreign": await people[BOB].conversation(),
    }
    told = await run_program("trigger_calls.ts", given)
    assert told["cached"] == told["handle"]
    run = told["retrieved"]
    assert (run["status"], run["isSuccess"], run["tags"]) == ("COMPLETED", True, ["one", "two"])
    assert (run["taskIdentifier"], run["payload"]["message"]) == ("process-message", "Write it")
    assert run["output"]["conversationId"] == conversation
    assert (await ada.message(run["output"]["messageId"]))["status"] == "completed"
    assert told["polled"]["status"] == "COMPLETED"

    assert told["batch"]["runCount"] == 2
    assert [each["tags"] for each in told["inBatch"]] == [["third"], []]

    assert told["waiting"]["status"] == "DELAYED"
    moved = at(told["rescheduled"], "delayedUntil") - at(told["waiting"], "delayedUntil")
    assert timedelta(minutes=59) < moved < timedelta(minutes=61)
    assert told["late"]["status"] == "COMPLETED"
    assert told["cancelled"]["status"] == told["neverBegun"]["status"] == "CANCELED"
    assert told["replayed"]["status"] == "COMPLETED"
    assert told["replayed"]["id"] != told["handle"]
    assert told["replayed"]["payload"] == run["payload"]
    assert len(set(told["all"])) == len(told["all"]) >= 7
    assert [each["tags"] for each in told["tagged"]] == [["later"]]

    schedule = told["schedule"]
    assert told["ticks"][0]["status"] in {"QUEUED", "EXECUTING", "COMPLETED"}
    assert (schedule["timezone"], schedule["active"]) == ("Europe/Paris", True)
    assert told["same"]["id"] == schedule["id"]
    assert told["same"]["generator"]["expression"] == "0 0 * * *"
    assert [each["id"] for each in told["listed"]["data"]] == [schedule["id"]]
    assert told["updated"]["generator"]["expression"] == "0 1 * * *"
    assert (told["resting"]["active"], told["active"]["active"]) == (False, True)
    assert told["found"]["deduplicationKey"] == "every-second"
    failures = {name: failure.get("status") for name, failure in told["failures"].items()}
    assert failures == {
        "unknownTask": 404,
        "badPayload": 400,
        "otherPayload": 409,
        "foreign": 404,
        "badDelay": 400,
        "unknownRun": 404,
        "begun": 409,
        "badCron": 400,
        "gone": 404,
    }
