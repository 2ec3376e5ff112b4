"""Trigger.dev's API, by the official SDK and by hand: who may, what starts, what is refused."""

import json
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


ROUTES = [
    ("POST", "/api/v1/tasks/process-message/trigger"),
    ("POST", "/api/v1/tasks/process-message/batch"),
    ("POST", "/api/v2/tasks/batch"),
    ("POST", "/api/v3/batches"),
    ("POST", "/api/v3/batches/batch_1_x/items"),
    ("GET", "/api/v3/runs/x"),
    ("GET", "/api/v1/runs"),
    ("POST", "/api/v2/runs/x/cancel"),
    ("POST", "/api/v1/runs/x/replay"),
    ("POST", "/api/v1/runs/x/reschedule"),
    ("POST", "/api/v1/schedules"),
    ("GET", "/api/v1/schedules"),
    ("GET", "/api/v1/schedules/x"),
    ("PUT", "/api/v1/schedules/x"),
    ("DELETE", "/api/v1/schedules/x"),
    ("POST", "/api/v1/schedules/x/activate"),
    ("POST", "/api/v1/schedules/x/deactivate"),
]


@pytest.mark.parametrize(("method", "path"), ROUTES, ids=str)
async def test_without_a_key_every_route_is_closed(ada: Api, method: str, path: str) -> None:
    for key in ("", "tr_prod_nobody", KEYS[ADA].event, KEYS[ADA].signing):
        headers = {"Authorization": f"Bearer {key}"}
        answer = await ada.call(method, path, data=b"{not json", headers=headers)
        assert answer.status == 401
        assert answer.body == {"error": "Unauthorized", "code": "unauthorized"}


async def test_the_settings_of_their_sdk_are_read_from_the_environment(
    clients_product: Program, ada: Api
) -> None:
    given = {"conversationId": await ada.conversation()}
    url = clients_product.ready["api"]
    env = {"TRIGGER_API_URL": url, "TRIGGER_SECRET_KEY": KEYS[ADA].trigger}
    told = await run_program("trigger_environment.ts", given, **env)
    assert told["status"] == "COMPLETED"
    assert told["realtime"]["status"] == 501
    assert "runs.poll" in told["realtime"]["text"]


async def test_what_is_a_strangers_is_not_found(people: dict[str, Api], ada: Api) -> None:
    bob, theirs = people[BOB], {"Authorization": f"Bearer {KEYS[BOB].trigger}"}
    project = await bob.project()
    payload = {"conversationId": await bob.conversation(project), "message": "Write it slowly"}
    body = {"payload": payload, "options": {"delay": "1h"}}
    run_id = (await bob.ok("POST", "/api/v1/tasks/process-message/trigger", body, headers=theirs))[
        "id"
    ]
    schedule = {
        "task": "process-message",
        "cron": "0 0 * * *",
        "deduplicationKey": "daily",
        "externalId": json.dumps(payload),
    }
    made = await bob.ok("POST", "/api/v1/schedules", schedule, headers=theirs)
    mine = {"Authorization": f"Bearer {KEYS[ADA].trigger}"}
    here = f"/api/v1/schedules/{made['id']}"
    asked: list[tuple[str, str, object]] = [
        ("GET", f"/api/v3/runs/{run_id}", None),
        ("POST", f"/api/v2/runs/{run_id}/cancel", None),
        ("POST", f"/api/v1/runs/{run_id}/replay", None),
        ("POST", f"/api/v1/runs/{run_id}/reschedule", {"delay": "1s"}),
        ("POST", "/api/v1/tasks/process-message/trigger", {"payload": payload}),
        ("POST", "/api/v2/tasks/batch", {"items": [{"task": "process-message", **body}]}),
        (
            "POST",
            "/api/v1/tasks/export-to-github/trigger",
            {"payload": {"projectId": project, "repoName": "a"}},
        ),
        ("POST", "/api/v1/schedules", schedule),
        ("GET", here, None),
        ("PUT", here, schedule),
        ("DELETE", here, None),
        ("POST", f"{here}/deactivate", None),
    ]
    for method, path, json_body in asked:
        answer = await ada.call(method, path, json_body, headers=mine)
        assert answer.status == 404, (method, path, answer)
    runs = await ada.ok("GET", "/api/v1/runs?page[size]=100", headers=mine)
    assert run_id not in {run["id"] for run in runs["data"]}
    listed = await ada.ok("GET", "/api/v1/schedules", headers=mine)
    assert made["id"] not in {each["id"] for each in listed["data"]}
    same_key = await ada.call("POST", "/api/v1/schedules", schedule, headers=mine)
    assert same_key.status == 404
    run = await bob.ok("GET", f"/api/v3/runs/{run_id}", headers=theirs)
    assert run["status"] == "DELAYED"


MESSAGE = {"conversationId": "x", "message": "hi"}
TRIGGER = "/api/v1/tasks/process-message/trigger"


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        (TRIGGER, {"payload": "{"}, "payload"),
        (TRIGGER, {"payload": "[]"}, "payload"),
        (TRIGGER, {"payload": MESSAGE | {"extra": 1}}, "extra"),
        (TRIGGER, {"payload": MESSAGE | {"message": "\ud83d"}}, "message"),
        (TRIGGER, {"payload": MESSAGE | {"githubToken": "ghp_abc"}}, "githubToken is not taken"),
        (TRIGGER, {"payload": MESSAGE, "options": {"delay": "9999d"}}, "delay"),
        (TRIGGER, {"payload": MESSAGE, "options": {"idempotencyKeyTTL": "x"}}, "TTL"),
        (TRIGGER, {"payload": MESSAGE, "options": {"tags": ["a"] * 11}}, "tags"),
        (TRIGGER, {"payload": MESSAGE, "options": {"metadata": "{"}}, "metadata"),
        (TRIGGER, {"payload": MESSAGE, "options": {"idempotencyKey": ""}}, "idempotencyKey"),
        ("/api/v2/tasks/batch", {"items": []}, "items"),
        ("/api/v3/batches", {"runCount": 501}, "runCount"),
        ("/api/v3/batches/batch_9999999_x/items", {}, "batchId"),
        ("/api/v3/batches/../../items", {}, ""),
        ("/api/v3/batches/batch_1_x/items", {"index": 1, "task": "a"}, "index"),
        ("/api/v1/schedules", {"task": "a", "cron": "* * * * *"}, "deduplicationKey"),
    ],
)
async def test_what_is_wrong_is_said(
    ada: Api, key: dict[str, str], path: str, body: Any, words: str
) -> None:
    headers = key | {"Content-Type": "application/json"}
    answer = await ada.call("POST", path, data=json.dumps(body).encode(), headers=headers)
    assert answer.status in {400, 404, 405}
    assert words in answer.body["error"]
    assert "ghp_abc" not in answer.body["error"]


async def test_a_batch_of_lines_is_triggered_once_and_sealed_when_whole(
    ada: Api, key: dict[str, str]
) -> None:
    conversation = await ada.conversation()
    batch = await ada.ok(
        "POST", "/api/v3/batches", {"runCount": 2, "idempotencyKey": "both"}, headers=key
    )
    again = await ada.ok(
        "POST", "/api/v3/batches", {"runCount": 2, "idempotencyKey": "both"}, headers=key
    )
    assert again["id"] == batch["id"]
    lines = [
        json.dumps(
            {
                "index": index,
                "task": "process-message",
                "payload": {"conversationId": conversation, "message": f"Write {index}"},
                "options": {"delay": "1h"},
            }
        )
        for index in range(2)
    ]
    path = f"/api/v3/batches/{batch['id']}/items"
    half = await ada.ok("POST", path, data=lines[0].encode(), headers=key)
    assert (half["sealed"], half["itemsAccepted"]) == (False, 1)
    whole = await ada.ok("POST", path, data="\n".join(lines).encode(), headers=key)
    assert (whole["sealed"], whole["itemsAccepted"], whole["itemsDeduplicated"]) == (True, 1, 1)
    more = "\n".join([*lines, lines[0].replace('"index": 0', '"index": 2')]).encode()
    assert (await ada.call("POST", path, data=more, headers=key)).status == 400


async def test_old_batches_and_runs_of_our_own(ada: Api, key: dict[str, str]) -> None:
    conversation = await ada.conversation()
    items = [{"payload": {"conversationId": conversation, "message": "Write it"}}]
    old = await ada.ok("POST", "/api/v1/tasks/process-message/batch", {"items": items}, headers=key)
    assert len(old["runs"]) == 1
    sent = await ada.send(conversation, "Write it slowly")
    run = await ada.ok("GET", f"/api/v3/runs/{sent['runId']}", headers=key)
    assert run["taskIdentifier"] == "process-message"
    refused = await ada.call("POST", f"/api/v1/runs/{sent['runId']}/replay", headers=key)
    assert (refused.status, refused.body["code"]) == (400, "not_triggered")
    await ada.ok("POST", f"/api/v2/runs/{sent['runId']}/cancel", headers=key)
    assert (await ada.message(sent["messageId"]))["status"] == "cancelled"
