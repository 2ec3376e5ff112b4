"""Inngest's event API, by the official SDKs and by hand: who may, what starts, what is refused."""

import asyncio
import hashlib
import json
from typing import Any

import pytest

from core.ids import new_id
from tests.app.http.clients.conftest import ADA, BOB, KEYS, SIGNING_SECRET
from tests.support.api_client import POLL_S, Api
from tests.support.clients.programs import run_program
from tests.support.product import Program

pytestmark = pytest.mark.timeout(120)  # the first test starts the product

JSON = {"Content-Type": "application/json"}


@pytest.fixture
def ada(people: dict[str, Api]) -> Api:
    return people[ADA]


async def runs_of(api: Api, event_id: str, who: str = ADA) -> list[dict[str, Any]]:
    headers = {"Authorization": f"Bearer {KEYS[who].signing}"}
    answer = await api.ok("GET", f"/v1/events/{event_id}/runs", headers=headers)
    return answer["data"]


async def until_ended(api: Api, event_id: str) -> dict[str, Any]:
    async with asyncio.timeout(30):
        while True:
            runs = await runs_of(api, event_id)
            if runs and runs[0]["ended_at"]:
                return runs[0]
            await asyncio.sleep(POLL_S)


async def sent(api: Api, *events: dict[str, Any], who: str = ADA, **headers: str) -> Any:
    return await api.call("POST", f"/e/{KEYS[who].event}", list(events), headers=headers)


async def test_the_npm_sdk_sends_by_base_url(
    clients_product: Program, people: dict[str, Api], ada: Api
) -> None:
    conversation = await ada.conversation()
    told = await run_program(
        "inngest_calls.ts",
        {
            "url": clients_product.ready["api"],
            "eventKey": KEYS[ADA].event,
            "conversationId": conversation,
            "foreign": await people[BOB].conversation(),
        },
    )
    assert told["again"] == told["one"]  # one id, one run
    assert len(await runs_of(ada, told["one"]["ids"][0])) == 1
    assert len(set(told["several"]["ids"])) == 2
    assert "Event key not found" in told["unknownKey"]
    assert "give conversationId and message" in told["badData"]
    assert "not found" in told["foreign"].lower()
    run = await until_ended(ada, told["several"]["ids"][0])
    assert (run["status"], run["function_id"]) == ("Completed", "process-message")


async def test_the_pypi_sdk_sends_by_base_url(clients_product: Program, ada: Api) -> None:
    told = await run_program(
        "inngest_calls.py",
        {
            "url": clients_product.ready["api"],
            "eventKey": KEYS[ADA].event,
            "conversationId": await ada.conversation(),
        },
    )
    assert told["again"] == told["sync"] == told["ids"]
    assert "Event key not found" in told["refused"]
    assert (await until_ended(ada, told["ids"][0]))["status"] == "Completed"


async def test_a_seed_makes_sending_again_start_nothing(ada: Api) -> None:
    data = {"conversationId": await ada.conversation(), "message": "Write it"}
    events = [{"name": "message/sent", "data": data | {"message": f"Write {n}"}} for n in range(2)]
    seed = {"x-inngest-event-id-seed": f"1767225600000,{new_id('seed')}"}
    first = await sent(ada, *events, **seed)
    again = await sent(ada, *events, **seed)
    assert (first.status, first.body["status"], len(set(first.body["ids"]))) == (200, 200, 2)
    assert again.body == first.body
    other = await sent(ada, *events)
    assert not set(other.body["ids"]) & set(first.body["ids"])


async def test_a_key_in_the_header_and_one_event_alone(ada: Api) -> None:
    data = {"conversationId": await ada.conversation(), "message": "Write it"}
    headers = {"Authorization": f"Bearer {KEYS[ADA].event}"}
    body = {"name": "message/sent", "data": data}
    answer = await ada.call("POST", "/v1/events", body, headers=headers)
    assert (answer.status, len(answer.body["ids"])) == (200, 1)


@pytest.mark.parametrize(
    ("path", "authorization", "code"),
    [
        ("/e/not-a-key-of-ours-at-all", "", "unauthorized"),
        ("/v1/events", "", "unauthorized"),
        ("/v1/events", "Bearer not-a-key-of-ours", "unauthorized"),
        ("/v1/events", f"Bearer {KEYS[ADA].signing}", "unauthorized"),
        ("/v1/events", f"Bearer {KEYS[ADA].trigger}", "unauthorized"),
    ],
)
async def test_without_an_event_key_nothing_is_taken(
    ada: Api, path: str, authorization: str, code: str
) -> None:
    async with ada.session.post(
        path, json={"name": "message/sent"}, headers={"Authorization": authorization}
    ) as answer:
        body = await answer.json()
        assert (answer.status, body["status"], body["code"], body["ids"]) == (401, 401, code, [])


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{", "not valid JSON"),
        (b"[]", "1 to 500 events"),
        (json.dumps([{"name": "message/cancel"}] * 501).encode(), "1 to 500 events"),
        (b"[1]", "event"),
        (b'{"data": {}}', "name"),
        (b'{"name": "message/sent", "data": []}', "data"),
        (b'{"name": "message/sent", "data": {"message": "hi"}}', "conversationId"),
        (b'{"name": "message/sent", "data": {"conversationId": "x", "message": " "}}', "message"),
        (b'{"name": "github/import.repo", "data": {"owner": "a"}}', "give either url"),
        (
            b'{"name": "github/import.repo", "data": {"url": "a/b", "githubToken": "ghp_abc"}}',
            "githubToken is not taken",
        ),
        (b'{"name": "github/export.repo", "data": {"projectId": "x"}}', "repoName"),
        (b'{"name": "project/generate", "data": {}}', "description"),
        (b'{"name": "message/cancel", "data": {}}', "messageId"),
    ],
)
async def test_what_is_wrong_is_said_and_nothing_starts(ada: Api, body: bytes, words: str) -> None:
    answer = await ada.call("POST", f"/e/{KEYS[ADA].event}", data=body, headers=JSON)
    assert (answer.status, answer.body["status"], answer.body["ids"]) == (400, 400, [])
    assert words in answer.body["error"]
    assert "ghp_abc" not in answer.body["error"]


async def test_events_of_the_inside_are_not_taken_from_people(ada: Api) -> None:
    for name in ("message/cancelled", "ask/answered", "engine/function.finished", "a/b"):
        answer = await sent(ada, {"name": name, "data": {}})
        assert (answer.status, answer.body["code"]) == (403, "unknown_event")
        assert "message/sent" in answer.body["error"]


async def test_what_is_a_strangers_is_not_found_and_not_touched(
    people: dict[str, Api], ada: Api
) -> None:
    bob = people[BOB]
    project = await bob.project()
    theirs = await bob.conversation(project)
    message = (await bob.send(theirs, "Write it slowly"))["messageId"]
    refused = [
        {"name": "message/sent", "data": {"conversationId": theirs, "message": "Let me in"}},
        {"name": "message/sent", "data": {"messageId": message}},
        {"name": "message/cancel", "data": {"messageId": message}},
        {"name": "message/cancel", "data": {"projectId": project}},
        {"name": "github/export.repo", "data": {"projectId": project, "repoName": "a"}},
        {"name": "github/export.cancel", "data": {"projectId": project}},
        {"name": "project/generate", "data": {"projectId": project}},
    ]
    for event in refused:
        answer = await sent(ada, event)
        assert (answer.status, answer.body["code"]) == (404, "not_found"), event
    mine = {"conversationId": await ada.conversation(), "message": "Write it"}
    both = await sent(ada, {"name": "message/sent", "data": mine}, refused[0])
    assert (both.status, len(both.body["ids"])) == (404, 1)  # the first was done, and is named
    assert (await bob.message(message))["status"] != "cancelled"
    listed = await bob.ok("GET", f"/api/conversations/{theirs}/messages")
    assert "Let me in" not in json.dumps(listed)


async def test_a_message_is_cancelled_by_event_and_a_run_by_id(ada: Api) -> None:
    conversation = await ada.conversation()
    data = {"conversationId": conversation, "message": "Write it slowly"}
    first = (await sent(ada, {"name": "message/sent", "data": data})).body["ids"][0]
    await ada.until_streaming(first)  # the event has the id of the answer
    answer = await sent(ada, {"name": "message/cancel", "data": {"messageId": first}})
    assert answer.status == 200
    assert (await until_ended(ada, first))["status"] == "Cancelled"
    second = (await sent(ada, {"name": "message/sent", "data": data})).body["ids"][0]
    await ada.until_streaming(second)
    run_id = (await runs_of(ada, second))[0]["run_id"]
    stranger = {"Authorization": f"Bearer {KEYS[BOB].signing}"}
    for method in ("GET", "DELETE"):
        assert (await ada.call(method, f"/v1/runs/{run_id}", headers=stranger)).status == 404
    assert await runs_of(ada, second, BOB) == []
    own = {"Authorization": f"Bearer {KEYS[ADA].signing}"}
    assert (await ada.call("DELETE", f"/v1/runs/{run_id}", headers=own)).status == 204
    run = (await ada.ok("GET", f"/v1/runs/{run_id}", headers=own))["data"]
    assert (run["status"], run["event_id"]) == ("Cancelled", second)
    assert (await ada.message(second))["status"] == "cancelled"


async def test_runs_are_cancelled_by_function_time_and_expression(
    people: dict[str, Api], ada: Api
) -> None:
    started: dict[str, str] = {}
    for who in (ADA, BOB):
        conversation = await people[who].conversation()
        data = {"conversationId": conversation, "message": "Write it slowly"}
        answer = await sent(people[who], {"name": "message/sent", "data": data}, who=who)
        started[who] = answer.body["ids"][0]
        await people[who].until_streaming(started[who])
    body = {
        "app_id": "polaris",
        "function_id": "process-message",
        "started_before": "2100-01-01T00:00:00Z",
        "if": f"event.data.messageId in ['{started[ADA]}', '{started[BOB]}']",
    }
    own = {"Authorization": f"Bearer {KEYS[ADA].signing}"}
    bad = await ada.call("POST", "/v1/cancellations", body | {"if": "((("}, headers=own)
    assert (bad.status, bad.body["status"]) == (400, 400)
    answer = await ada.call("POST", "/v1/cancellations", body, headers=own)
    assert (answer.status, answer.body["cancelled"]) == (201, 1)
    assert (await ada.message(started[ADA]))["status"] == "cancelled"
    assert (await people[BOB].message(started[BOB]))["status"] == "processing"


async def test_the_signing_key_also_holds_hashed(ada: Api) -> None:
    secret = SIGNING_SECRET
    hashed = hashlib.sha256(bytes.fromhex(secret)).hexdigest()
    for form in (f"signkey-prod-{secret}", f"signkey-prod-{hashed}", hashed):
        headers = {"Authorization": f"Bearer {form}"}
        assert (await ada.call("GET", "/v1/events/none/runs", headers=headers)).status == 200
    for form in (secret[:-2], "", KEYS[ADA].event, hashed[:-1]):
        headers = {"Authorization": f"Bearer {form}"}
        assert (await ada.call("GET", "/v1/events/none/runs", headers=headers)).status == 401


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/events/x/runs"),
        ("GET", "/v1/runs/x"),
        ("DELETE", "/v1/runs/x"),
        ("POST", "/v1/cancellations"),
    ],
)
async def test_without_a_signing_key_nothing_is_told(ada: Api, method: str, path: str) -> None:
    for key in ("", KEYS[ADA].event, "not-a-key-of-ours"):
        headers = {"Authorization": f"Bearer {key}"}
        answer = await ada.call(method, path, data=b"{", headers=headers)
        assert (answer.status, answer.body["status"]) == (401, 401)


async def test_an_event_key_is_in_no_log(clients_product: Program, ada: Api) -> None:
    await sent(ada, {"name": "a/b"})
    log = clients_product.log.read_text()
    assert "path=/e/…" in log
    assert KEYS[ADA].event not in log
