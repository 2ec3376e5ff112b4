"""How many answers a person may have at once, and how much storage, as the operator sets it."""

import io
import zipfile
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from tests.support.api_client import Api, local_user
from tests.support.product import Program, disposable
from tests.support.waiting import until_answered

pytestmark = pytest.mark.timeout(60)  # the first test starts the product

LIMIT_BYTES = 1_000
EVENT_KEY = "an-event-key-of-the-local-user"
TRIGGER_KEY = "tr_prod_of_the_local_user"


@pytest.fixture(scope="module")
def limited(
    local_env: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Program]:
    env = {
        **local_env,
        "POLARIS_RUN_LIMIT": "1",
        "POLARIS_EVENT_KEYS": f"{EVENT_KEY}=local",
        "POLARIS_TRIGGER_KEYS": f"{TRIGGER_KEY}=local",
        "POLARIS_STORAGE_LIMIT_BYTES": str(LIMIT_BYTES),
    }
    with disposable(["dev"], folder=tmp_path_factory.mktemp("limited"), env=env) as program:
        yield program


@pytest.fixture
async def person(limited: Program) -> AsyncIterator[Api]:
    async with local_user(limited) as person:
        yield person


def refused_for(quota: str, used: int, limit: int) -> dict[str, Any]:
    return {"code": "quota_exceeded", "quota": quota, "currentUsage": used, "limit": limit}


async def test_an_answer_too_many_is_refused(person: Api) -> None:
    first = await person.send(await person.conversation(), "hang")
    other = {"conversationId": await person.conversation(), "message": "hello"}
    refused = await person.call("POST", "/api/messages", other)
    assert refused.status == 429
    assert refused.body.items() >= refused_for("runs", 1, 1).items()
    said = {"id": "m1", "role": "user", "parts": [{"type": "text", "text": "hello"}]}
    chat = {"id": other["conversationId"], "messages": [said], "trigger": "submit-message"}
    by_chat = await person.call("POST", "/api/chat", chat)
    assert (by_chat.status, by_chat.body["code"]) == (429, "quota_exceeded")
    by_event = await person.call("POST", f"/e/{EVENT_KEY}", {"name": "message/sent", "data": other})
    assert (by_event.status, "answers under way" in str(by_event.body)) == (429, True), by_event
    await a_task_fails(person, other)
    await person.ok("POST", "/api/messages/cancel", {"messageId": first["messageId"]})
    await person.until_final(first["messageId"])
    sent = await person.send(other["conversationId"], "hello")
    await person.until_final(sent["messageId"])


async def a_task_fails(person: Api, message: dict[str, str]) -> None:
    """Of a Trigger.dev client: it has been accepted before it can be refused."""
    keyed = {"headers": {"Authorization": f"Bearer {TRIGGER_KEY}"}}
    path = "/api/v1/tasks/process-message/trigger"
    begun = await person.ok("POST", path, {"payload": message}, **keyed)
    run: dict[str, Any] = {}

    async def has_failed() -> bool:
        run.update(await person.ok("GET", f"/api/v3/runs/{begun['id']}", **keyed))
        return run["status"] == "FAILED"

    await until_answered(has_failed)
    assert "answers under way" in str(run["error"])


async def test_files_past_the_limit_are_refused_until_others_go(person: Api) -> None:
    project_id = await person.project()
    files = f"/api/projects/{project_id}/files"
    await person.ok("PUT", f"{files}/a.txt", data=b"a" * 900)
    refused = await person.call("PUT", f"{files}/b.bin", data=b"\0" * 101)
    assert refused.status == 403
    assert refused.body.items() >= refused_for("storage", 900, LIMIT_BYTES).items()
    assert "delete files or projects" in refused.body["error"]
    assert await person.ok("GET", f"{files}/a.txt") == b"a" * 900
    await person.ok("DELETE", f"{files}/a.txt")
    await person.ok("PUT", f"{files}/b.bin", data=b"\0" * 101)
    await person.ok(
        "DELETE", f"{files}/b.bin"
    )  # a deleted project's count while it can be restored
    await person.ok("DELETE", f"/api/projects/{project_id}")


async def test_an_agent_is_told_that_there_is_no_room(person: Api) -> None:
    project_id = await person.project()
    files = f"/api/projects/{project_id}/files"
    await person.ok("PUT", f"{files}/full", data=b"a" * LIMIT_BYTES)
    sent = await person.send(await person.conversation(project_id), "write")
    message = await person.until_final(sent["messageId"])
    assert message["status"] == "completed"
    (call,) = message["toolCalls"]
    assert call["result"].startswith("Nothing was changed: Your files take")
    assert (await person.call("GET", f"{files}/made.txt")).status == 404
    await person.ok("DELETE", f"{files}/full")
    await person.ok("DELETE", f"/api/projects/{project_id}")


async def test_an_import_past_the_limit_fails_and_leaves_nothing(person: Api) -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("small.txt", "small")
        archive.writestr("large.txt", "l" * 2_000)
    body = {"data": data.getvalue(), "headers": {"Content-Type": "application/zip"}}
    begun = await person.ok("POST", "/api/projects/import?name=large", **body)
    project = f"/api/projects/{begun['projectId']}"

    async def transfer() -> dict[str, Any]:
        return (await person.ok("GET", f"{project}/transfers"))["transfers"][0]

    async def has_ended() -> bool:
        return (await transfer())["status"] != "running"

    async def is_empty() -> bool:
        return not (await person.ok("GET", f"{project}/files"))["files"]

    await until_answered(has_ended)
    ended = await transfer()
    assert (ended["status"], ended["errorCode"]) == ("failed", "quota_exceeded")
    assert "delete files or projects" in ended["error"]
    await until_answered(is_empty)
