"""Jobs over HTTP: what they are, how they stand, and pausing them over a restart."""

from pathlib import Path
from typing import Any

import pytest

from tests.app.conftest import NewPerson
from tests.support.api_client import Api, local_user
from tests.support.product import disposable, environment

pytestmark = pytest.mark.timeout(60)  # the first test of a session starts the product


async def test_everybody_sees_what_jobs_there_are(api: Api) -> None:
    jobs = {job["jobId"]: job for job in (await api.ok("GET", "/api/jobs"))["jobs"]}
    message = jobs["process-message"]
    [sent] = message["events"]
    assert sent["event"] == "message/sent"
    assert "messageId" in sent["dataSchema"]["properties"]
    assert [each["event"] for each in message["cancelOn"]] == ["message/cancelled"]
    assert message["cancelOn"][0]["match"] == "data.messageId"
    assert message["concurrency"][0]["limit"] == 1
    assert message["retries"] >= 0
    assert message["handlesFailure"] is True
    assert isinstance(message["flow"], dict)
    assert not any("queue" in job or "pausedAt" in job for job in jobs.values())
    assert message["crons"] == []


async def test_only_the_operator_pauses(new_person: NewPerson) -> None:
    ada = await new_person()
    for verb in ("pause", "resume"):
        refused = await ada.call("POST", f"/api/jobs/process-message/{verb}")
        assert (refused.status, refused.body["code"]) == (403, "operator_only")


async def test_a_paused_job_starts_nothing_over_a_restart(tmp_path: Path, model_url: str) -> None:
    env = environment(
        POLARIS_PORT="0",
        POLARIS_DATA_DIR="data",
        POLARIS_GRACE_S="1",
        ANTHROPIC_API_KEY="sk-ant-scripted-0000",
        ANTHROPIC_BASE_URL=model_url,
    )

    async def job_of(user: Api) -> dict[str, Any]:
        jobs = (await user.ok("GET", "/api/jobs"))["jobs"]
        return next(job for job in jobs if job["jobId"] == "process-message")

    with disposable(["dev"], folder=tmp_path, env=env) as program:
        async with local_user(program) as user:
            nowhere = await user.call("POST", "/api/jobs/nonsense/pause")
            assert (nowhere.status, nowhere.body["code"]) == (404, "no_such_job")
            assert (await user.call("POST", "/api/jobs/nonsense/resume")).status == 404
            paused = await user.ok("POST", "/api/jobs/process-message/pause")
            assert paused == {"success": True, "changed": True}
            again = await user.ok("POST", "/api/jobs/process-message/pause")
            assert again["changed"] is False
            sent = await user.send(await user.conversation(), "hello")
            job = await job_of(user)
            assert job["pausedAt"]
            assert (job["queue"]["queued"], job["queue"]["running"]) == (1, 0)
            run = await user.ok("GET", f"/api/runs/{sent['runId']}")
            assert (run["status"], run["hold"]) == ("queued", {"reason": "paused"})
    with disposable(["dev"], folder=tmp_path, env=env) as program:
        async with local_user(program) as user:
            assert (await job_of(user))["pausedAt"] == job["pausedAt"]
            run = await user.ok("GET", f"/api/runs/{sent['runId']}")
            assert run["status"] == "queued"
            resumed = await user.ok("POST", "/api/jobs/process-message/resume")
            assert resumed == {"success": True, "changed": True}
            assert "pausedAt" not in await job_of(user)
            assert (await user.until_final(sent["messageId"]))["status"] == "completed"
