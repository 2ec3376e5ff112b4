"""What an operator does with runs: repeats them, with other data or many at once, and pauses."""

from typing import Any

import pytest

from tests.app.http.test_realtime import following
from tests.support.api_client import Api
from tests.support.waiting import until_answered

pytestmark = pytest.mark.timeout(60)  # the first test of a session starts the product


async def ended(user: Api, run_id: str) -> dict[str, Any]:
    """The run, once it is over."""
    run: dict[str, Any] = {}

    async def is_over() -> bool:
        run.update(await user.ok("GET", f"/api/runs/{run_id}"))
        return run["status"] in {"completed", "failed", "cancelled"}

    await until_answered(is_over)
    return run


async def answered(user: Api) -> dict[str, Any]:
    """A run that has answered a message."""
    sent = await user.send(await user.conversation(), "hello")
    await user.until_final(sent["messageId"])
    return await ended(user, sent["runId"])


async def test_a_run_is_repeated_from_its_start_from_a_step_and_with_other_data(user: Api) -> None:
    run = await answered(user)
    path = f"/api/runs/{run['runId']}/rerun"
    again = await ended(user, (await user.ok("POST", path, {}))["runId"])
    assert (again["repeats"], again["status"]) == (run["runId"], "completed")
    assert again["eventId"] == run["eventId"]
    step = run["steps"][-1]["stepId"]
    from_step = await ended(user, (await user.ok("POST", path, {"fromStep": step}))["runId"])
    taken_over = [each["stepId"] for each in run["steps"][:-1]]
    assert [each["stepId"] for each in from_step["steps"]][: len(taken_over)] == taken_over
    data = {**run["event"]["data"], "usesMcp": True}
    edited = await ended(user, (await user.ok("POST", path, {"data": data}))["runId"])
    assert edited["event"]["data"]["usesMcp"] is True
    assert edited["eventId"] != run["eventId"]
    assert run["event"]["isCut"] is False


async def test_a_turn_tells_what_it_took_and_a_failure_where_it_was_raised(user: Api) -> None:
    run = await answered(user)
    [turn] = [step for step in run["steps"] if step["stepId"] == "turn-0"]
    message = await user.message(run["event"]["data"]["messageId"])
    assert turn["usage"]["model"] == message["model"]
    assert turn["usage"]["outputTokens"] == message["usage"]["outputTokens"] > 0
    assert [step["stepId"] for step in run["steps"] if "usage" in step] == ["turn-0"]
    sent = await user.send(await user.conversation(), "bad key")
    await user.until_final(sent["messageId"])
    failed = await ended(user, sent["runId"])
    [tried] = [one for step in failed["steps"] for one in step["tries"] if "error" in one]
    assert tried["error"]["stack"] == failed["error"]["stack"]
    assert " in " in tried["error"]["stack"]


async def test_what_cannot_be_repeated_says_why(user: Api) -> None:
    run = await answered(user)
    path = f"/api/runs/{run['runId']}/rerun"
    bodies: list[tuple[dict[str, object], int, str]] = [
        ({"fromStep": "never"}, 404, "no_such_step"),
        ({"data": {"messageId": 7}}, 400, "bad_event"),
        ({"data": 7}, 400, "invalid_request"),
        ({"more": 1}, 400, "invalid_request"),
    ]
    for body, status, code in bodies:
        refused = await user.call("POST", path, body)
        assert (refused.status, refused.body["code"]) == (status, code), body
    nowhere = await user.call("POST", "/api/runs/nowhere/rerun", {})
    assert (nowhere.status, nowhere.body["code"]) == (404, "no_such_run")


async def test_many_are_repeated_at_once_and_each_once(user: Api) -> None:
    runs: list[str] = []
    for _ in range(2):
        sent = await user.send(await user.conversation(), "answer slowly")
        await user.until_streaming(sent["messageId"])
        await user.ok("POST", f"/api/runs/{sent['runId']}/cancel")
        runs.append(sent["runId"])
    which = "job=process-message&status=cancelled"
    failed = await user.ok("POST", "/api/runs/replay?job=process-message")
    assert not {each["runId"] for each in failed["replayed"]} & set(runs)
    done = await user.ok("POST", f"/api/runs/replay?{which}")
    assert [each["runId"] for each in done["replayed"]] == runs[::-1]
    assert done["refused"] == []
    for each in done["replayed"]:
        assert (await ended(user, each["asRunId"]))["repeats"] == each["runId"]
    assert (await user.ok("POST", f"/api/runs/replay?{which}"))["replayed"] == []
    broad = await user.call("POST", "/api/runs/replay")
    assert (broad.status, broad.body["code"]) == (400, "too_broad")


async def test_an_operator_hears_of_all_runs_and_of_pauses(user: Api) -> None:
    async with following(user, "/api/runs/realtime") as told:
        await user.ok("POST", "/api/jobs/process-message/pause")
        paused = await told()
        assert (paused.topic, paused.data) == (
            "job",
            {"job": "process-message", "isPaused": True},
        )
        sent = await user.send(await user.conversation(), "hello")
        queued = await told()
        while queued.topic != "run" or queued.data["job"] != "process-message":
            queued = await told()
        assert (queued.data["runId"], queued.data["state"]) == (sent["runId"], "queued")
        await user.ok("POST", "/api/jobs/process-message/resume")
        states: list[str] = []
        while states[-1:] != ["completed"]:
            news = await told()
            if news.data.get("runId") == sent["runId"]:
                states.append(news.data["state"])
        assert states == ["running", "completed"]


async def test_an_event_shows_what_it_started_and_what_it_cancelled(user: Api) -> None:
    sent = await user.send(await user.conversation(), "answer slowly")
    await user.until_streaming(sent["messageId"])
    body = {"name": "message/cancelled", "data": {"messageId": sent["messageId"]}}
    cancelling = (await user.ok("POST", "/api/events", body))["eventId"]
    await ended(user, sent["runId"])
    event = await user.ok("GET", f"/api/events/{cancelling}")
    run = {"runId": sent["runId"], "jobId": "process-message", "status": "cancelled"}
    assert (event["cancelled"], event["endedWaits"], event["runs"]) == ([run], [], [])
    listed = (await user.ok("GET", "/api/events?name=message/sent"))["events"]
    [started] = [each for each in listed if each["eventId"] == sent["eventId"]]
    assert (started["runs"], started["userId"]) == ([run], event["userId"])
    unfit = {"name": "message/sent", "data": {"messageId": 7}}
    refused = await user.call("POST", "/api/events", unfit)
    assert (refused.status, refused.body["code"]) == (400, "bad_event")
    assert "messageId" in refused.body["error"]
