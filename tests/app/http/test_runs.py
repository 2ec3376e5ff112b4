"""The engine over HTTP: everybody sees what their own events caused, and nothing else."""

import json
from urllib.parse import quote

import pytest

from tests.app.conftest import NewPerson
from tests.support.api_client import Api

pytestmark = pytest.mark.timeout(60)  # the first test of a session starts the product


async def test_a_run_is_listed_and_shown_with_its_steps(api: Api) -> None:
    sent = await api.send(await api.conversation(), "hello")
    await api.until_final(sent["messageId"])
    [listed] = (await api.ok("GET", "/api/runs"))["runs"]
    assert listed["runId"] == sent["runId"]
    assert listed["jobId"] == "process-message"
    assert (listed["eventId"], listed["eventName"]) == (sent["eventId"], "message/sent")
    run = await api.ok("GET", f"/api/runs/{quote(sent['runId'], safe='')}")
    assert {key: run[key] for key in listed if key in {"runId", "jobId", "createdAt"}} == {
        key: listed[key] for key in ("runId", "jobId", "createdAt")
    }
    assert run["steps"]
    assert {step["status"] for step in run["steps"]} == {"completed"}
    assert all(step["startedAt"] <= step["endedAt"] for step in run["steps"])


async def test_lists_and_metrics_show_nothing_of_the_content(api: Api) -> None:
    sent = await api.send(await api.conversation(), "write the file, my secret")
    await api.until_final(sent["messageId"])
    for path in ("/api/runs", "/api/events", "/api/metrics", f"/api/events/{sent['eventId']}"):
        text = json.dumps(await api.ok("GET", path))
        assert "secret" not in text
        assert '"data"' not in text
        assert '"result"' not in text


async def test_its_owner_sees_the_event_and_the_result_of_a_run(api: Api) -> None:
    conversation = await api.conversation()
    sent = await api.send(conversation, "write the file, my secret")
    await api.until_final(sent["messageId"])
    run = await api.ok("GET", f"/api/runs/{sent['runId']}")
    assert run["event"]["name"] == "message/sent"
    assert run["event"]["data"]["messageId"] == sent["messageId"]
    assert run["event"]["data"]["conversationId"] == conversation
    assert run["result"]
    assert "user" not in run["event"]
    text = json.dumps(run)
    assert "secret" not in text  # what people write is in the store, not in events
    assert sent["messageId"] not in json.dumps(run["steps"])
    hidden = {"input", "output", "byEventId"}
    assert not any(hidden & step.keys() for step in run["steps"])
    assert "worker" not in run


async def test_a_strangers_runs_and_events_are_not_there(new_person: NewPerson) -> None:
    ada, eve = await new_person(), await new_person()
    sent = await ada.send(await ada.conversation(), "answer slowly")
    run, event = f"/api/runs/{sent['runId']}", f"/api/events/{sent['eventId']}"
    assert (await eve.ok("GET", "/api/runs"))["runs"] == []
    assert (await eve.ok("GET", "/api/events"))["events"] == []
    assert (await eve.ok("GET", "/api/metrics")) == {"jobs": [], "queues": []}
    for method, path in (("GET", run), ("POST", f"{run}/cancel"), ("GET", event)):
        refused = await eve.call(method, path)
        never = await eve.call(method, path.replace(sent["eventId"], "never-was"))
        assert refused.status == never.status == 404
        assert refused.body["code"] == never.body["code"]
        assert refused.body["error"].replace(sent["eventId"], "never-was") == never.body["error"]
    assert (await ada.message(sent["messageId"]))["status"] == "processing"
    await ada.ok("POST", f"{run}/cancel")


async def test_cancelling_a_run_cancels_the_answer_it_writes(api: Api) -> None:
    sent = await api.send(await api.conversation(), "answer slowly")
    so_far = await api.until_streaming(sent["messageId"])
    path = f"/api/runs/{sent['runId']}"
    assert await api.ok("POST", f"{path}/cancel") == {"success": True, "cancelled": True}
    message = await api.message(sent["messageId"])
    assert message["status"] == "cancelled"
    assert message["content"].startswith(so_far)
    assert (await api.ok("GET", path))["status"] == "cancelled"
    assert await api.ok("POST", f"{path}/cancel") == {"success": True, "cancelled": False}


async def test_runs_are_filtered_and_paged(api: Api) -> None:
    project = await api.project()
    conversation = await api.conversation(project)
    sent = [await api.send(conversation, "hello") for _ in range(2)]
    for one in sent:
        await api.until_final(one["messageId"])
    other = await api.send(await api.conversation(), "answer slowly")
    await api.until_streaming(other["messageId"])

    async def found(query: str) -> list[str]:
        return [run["runId"] for run in (await api.ok("GET", f"/api/runs?{query}"))["runs"]]

    assert await found("status=running") == [other["runId"]]
    assert await found("job=process-message&limit=1") == [other["runId"]]
    assert await found("job=none") == []
    of_project = f"field=data.projectId={project}"
    assert await found(of_project) == [one["runId"] for one in reversed(sent)]
    first = await api.ok("GET", f"/api/runs?{of_project}&limit=1")
    rest = await found(f"{of_project}&limit=1&cursor={first['nextCursor']}")
    assert [run["runId"] for run in first["runs"]] + rest == await found(of_project)
    listed = (await api.ok("GET", "/api/events?name=message/sent"))["events"]
    assert [event["runIds"] for event in listed] == [[other["runId"]]] + [
        [one["runId"]] for one in reversed(sent)
    ]
    [metrics] = (await api.ok("GET", "/api/metrics"))["jobs"]
    assert metrics["jobId"] == "process-message"
    assert metrics["completed"] + metrics["cancelled"] == 2
    await api.ok("POST", f"/api/runs/{other['runId']}/cancel")


@pytest.mark.parametrize(
    "query",
    [
        "status=lost",
        "cursor=x",
        "limit=0",
        "since=-1",
        "until=99999999999999999",
        "field=data.projectId",
        "cursor=99999999999999999999:a",
    ],
)
async def test_a_wrong_filter_is_refused(api: Api, query: str) -> None:
    refused = await api.call("GET", f"/api/runs?{query}")
    assert refused.status == 400
    assert refused.body["code"] in {"invalid_request", "bad_cursor"}


async def test_events_are_sent_by_an_operator_only(api: Api) -> None:
    refused = await api.call("POST", "/api/events", {"name": "message/cancelled", "data": {}})
    assert refused.status == 403
    assert refused.body["code"] == "operator_only"
    assert (await api.call("POST", "/api/runs/any/replay")).status == 403
