"""The engine over HTTP: everybody sees what their own events caused, and nothing else."""

import json
from typing import Any
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


async def test_a_step_of_a_call_names_its_tool(api: Api) -> None:
    sent = await api.send(await api.conversation(), "ponder")
    await api.until_final(sent["messageId"])
    run = await api.ok("GET", f"/api/runs/{quote(sent['runId'], safe='')}")
    calls = [step for step in run["steps"] if step["stepId"].startswith("tool-0-")]
    assert [step["tool"] for step in calls] == ["writeFile", "writeFile"]
    others = [step for step in run["steps"] if step not in calls]
    assert [step for step in others if "tool" in step] == []


async def test_lists_and_metrics_show_nothing_of_the_content(api: Api) -> None:
    sent = await api.send(await api.conversation(), "write the file, my secret")
    await api.until_final(sent["messageId"])
    for path in ("/api/runs", "/api/events", "/api/metrics", "/api/jobs"):
        text = json.dumps(await api.ok("GET", path))
        assert "secret" not in text
        assert '"data"' not in text
        assert '"result"' not in text


async def test_its_owner_sees_the_data_of_an_event(api: Api) -> None:
    sent = await api.send(await api.conversation(), "write the file, my secret")
    event = await api.ok("GET", f"/api/events/{sent['eventId']}")
    assert event["data"]["messageId"] == sent["messageId"]
    assert (event["isCut"], event["runIds"]) == (False, [sent["runId"]])
    assert [(run["runId"], run["jobId"]) for run in event["runs"]] == [
        (sent["runId"], "process-message")
    ]
    assert (event["endedWaits"], event["cancelled"]) == ([], [])
    assert not {"user", "userId", "headers"} & event.keys()
    assert "secret" not in json.dumps(event)
    await api.until_final(sent["messageId"])


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
        "status=failed&status=lost",
        "q=",
        "q=" + "x" * 201,
        "&".join(["job=x"] * 21),
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


async def test_lists_take_several_things_at_once_and_agree_with_the_run(api: Api) -> None:
    conversation = await api.conversation()
    done = await api.send(conversation, "hello")
    await api.until_final(done["messageId"])
    other = await api.send(await api.conversation(), "answer slowly")
    await api.until_streaming(other["messageId"])
    await api.ok("POST", f"/api/runs/{other['runId']}/cancel")

    async def found(query: str) -> list[dict[str, Any]]:
        return (await api.ok("GET", f"/api/runs?{query}"))["runs"]

    both = await found("status=completed&status=cancelled&job=process-message&job=none")
    assert [run["runId"] for run in both] == [other["runId"], done["runId"]]
    assert [run["runId"] for run in await found(f"q={conversation.upper()}")] == [done["runId"]]
    assert [run["runId"] for run in await found(f"q={other['runId']}")] == [other["runId"]]
    assert await found("q=nothing-of-the-kind") == []
    for listed in both:
        run = await api.ok("GET", f"/api/runs/{listed['runId']}")
        assert {name: run.get(name) for name in listed if name != "eventName"} == {
            name: value for name, value in listed.items() if name != "eventName"
        }
    counts = await api.ok("GET", "/api/runs/counts?job=process-message&status=failed")
    assert counts == {
        "total": 2,
        "byStatus": {"completed": 1, "cancelled": 1},
        "isSample": False,
    }
    events = (await api.ok("GET", f"/api/events?q={conversation}"))["events"]
    assert [event["runIds"] for event in events] == [[done["runId"]]]


async def test_metrics_come_in_buckets(api: Api) -> None:
    sent = await api.send(await api.conversation(), "hello")
    await api.until_final(sent["messageId"])
    plain = await api.ok("GET", "/api/metrics")
    assert "series" not in plain
    series = (await api.ok("GET", "/api/metrics?minutes=5&bucket=60"))["series"]
    assert (series["bucketS"], series["isSample"]) == (60, False)
    assert 6 <= len(series["buckets"]) <= 7
    [told] = [bucket for bucket in series["buckets"] if bucket["completed"]]
    assert (told["failed"], told["causes"], told["perMinute"]) == (0, [], 1.0)
    assert told["duration"]["p50Ms"] <= told["duration"]["p95Ms"]
    other = await api.ok("GET", "/api/metrics?minutes=5&bucket=60&job=none")
    assert other["jobs"] == []
    assert not any(bucket["completed"] for bucket in other["series"]["buckets"])
    refused = await api.call("GET", "/api/metrics?minutes=10080&bucket=1")
    assert (refused.status, refused.body["code"]) == (400, "too_many_buckets")


async def test_many_are_cancelled_at_once_and_only_ones_own(new_person: NewPerson) -> None:
    ada, eve = await new_person(), await new_person()
    hers = await eve.send(await eve.conversation(), "answer slowly")
    sent = [await ada.send(await ada.conversation(), "answer slowly") for _ in range(3)]
    for one in sent:
        await ada.until_streaming(one["messageId"])
    broad = await ada.call("POST", "/api/runs/cancel")
    assert (broad.status, broad.body["code"]) == (400, "too_broad")
    first = await ada.ok("POST", "/api/runs/cancel?job=process-message&limit=2")
    assert first["runIds"] == [one["runId"] for one in reversed(sent[1:])]
    rest = await ada.ok(
        "POST", f"/api/runs/cancel?job=process-message&cursor={first['nextCursor']}"
    )
    assert rest["runIds"] == [sent[0]["runId"]]
    assert "nextCursor" not in rest
    for one in sent:
        assert (await ada.message(one["messageId"]))["status"] == "cancelled"
    assert (await eve.message(hers["messageId"]))["status"] == "processing"
    done = await ada.ok("POST", "/api/runs/cancel?status=completed")
    assert done["runIds"] == []
    await eve.ok("POST", f"/api/runs/{hers['runId']}/cancel")


async def test_only_the_operator_repeats(api: Api) -> None:
    for path in ("/api/runs/any/rerun", "/api/runs/replay?job=process-message"):
        refused = await api.call("POST", path, {} if "rerun" in path else None)
        assert (refused.status, refused.body["code"]) == (403, "operator_only")


async def test_the_text_of_an_error_stays_the_operators_also_in_events(api: Api) -> None:
    sent = await api.send(await api.conversation(), "bad key")
    assert (await api.until_final(sent["messageId"]))["status"] == "failed"
    handler = await api.ok("GET", f"/api/runs/{sent['runId']}:on-failure")
    assert "event" not in handler
    failed = await api.ok("GET", f"/api/runs/{sent['runId']}")
    assert not {"message", "stack"} & failed["error"].keys()
    tries = [one for step in failed["steps"] for one in step["tries"] if "error" in one]
    assert tries
    assert not any({"message", "stack"} & one["error"].keys() for one in tries)
    assert failed["event"]["data"]["messageId"] == sent["messageId"]
    for end in ("failed", "finished"):
        path = f"/api/events/{sent['runId']}:{end}"
        assert (await api.call("GET", path)).status == 404
