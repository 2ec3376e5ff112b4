"""Checkpoints over HTTP: what a turn changed is listed, restored, and judged hunk by hunk."""

import asyncio
from typing import Any

import pytest

from tests.app.conftest import NewPerson
from tests.support.api_client import Api

pytestmark = pytest.mark.timeout(60)  # the first test of a session starts the product

BEFORE = "".join(f"line {number};\n" for number in range(30))
AFTER = BEFORE.replace("line 3;", "LINE 3;").replace("line 19;", "LINE 19;")


async def put(api: Api, project: str, path: str, text: str) -> None:
    await api.ok("PUT", f"/api/projects/{project}/files/{path}", data=text.encode())


async def read(api: Api, project: str, path: str) -> str:
    return (await api.ok("GET", f"/api/projects/{project}/files/{path}")).decode()


async def answered(api: Api, project: str, text: str) -> str:
    sent = await api.send(await api.conversation(project), text)
    while True:
        message = await api.message(sent["messageId"])
        if message["status"] != "processing":
            assert message["status"] == "completed", message
            return sent["messageId"]
        await asyncio.sleep(0.02)


async def shouted(api: Api) -> tuple[str, str]:
    """A project in which the agent has changed two lines of a.txt; its checkpoints."""
    project = await api.project()
    await put(api, project, "a.txt", BEFORE)
    await answered(api, project, "shout")
    assert await read(api, project, "a.txt") == AFTER
    return project, f"/api/projects/{project}/checkpoints"


async def hunks(api: Api, checkpoint: str) -> list[dict[str, Any]]:
    (file,) = (await api.ok("GET", checkpoint))["files"]
    return file["hunks"]


async def test_what_a_turn_changed_is_listed_and_brought_back_and_that_undone(api: Api) -> None:
    project, checkpoints = await shouted(api)
    (turn,) = (await api.ok("GET", checkpoints))["checkpoints"]
    assert (turn["kind"], turn["turn"], turn["fileCount"]) == ("turn", 0, 1)
    assert turn["files"] == [
        {"path": "a.txt", "type": "file", "status": "changed", "added": 2, "removed": 2}
    ]
    assert (await api.message(turn["messageId"]))["status"] == "completed"
    restored = await api.ok("POST", f"{checkpoints}/{turn['checkpointId']}/restore")
    assert restored == {
        "checkpointId": restored["checkpointId"],
        "restored": ["a.txt"],
        "merged": [],
        "conflicts": [],
        "unchanged": [],
        "notTold": 0,
    }
    assert await read(api, project, "a.txt") == BEFORE
    await api.ok("POST", f"{checkpoints}/{restored['checkpointId']}/restore")
    assert await read(api, project, "a.txt") == AFTER


async def test_a_file_that_the_agent_made_goes_and_the_persons_stay(api: Api) -> None:
    project = await api.project()
    await put(api, project, "mine.txt", "mine\n")
    await answered(api, project, "write")
    await put(api, project, "later.txt", "later\n")
    checkpoints = f"/api/projects/{project}/checkpoints"
    (turn,) = (await api.ok("GET", checkpoints))["checkpoints"]
    await api.ok("POST", f"{checkpoints}/{turn['checkpointId']}/restore")
    files = (await api.ok("GET", f"/api/projects/{project}/files"))["files"]
    assert [entry["path"] for entry in files] == ["later.txt", "mine.txt"]


async def test_a_persons_later_edit_is_kept_and_one_in_the_same_line_is_a_conflict(
    api: Api,
) -> None:
    project, checkpoints = await shouted(api)
    (turn,) = (await api.ok("GET", checkpoints))["checkpoints"]
    path = f"{checkpoints}/{turn['checkpointId']}/restore"
    await put(api, project, "a.txt", AFTER.replace("line 25;", "mine;"))
    restored = await api.ok("POST", path)
    assert restored["merged"] == ["a.txt"]
    assert await read(api, project, "a.txt") == BEFORE.replace("line 25;", "mine;")
    await put(api, project, "a.txt", AFTER.replace("LINE 3;", "mine;"))
    refused = await api.ok("POST", path)
    assert refused["conflicts"] == [
        {"path": "a.txt", "reason": "it was edited since, in the same lines"}
    ]
    assert await read(api, project, "a.txt") == AFTER.replace("LINE 3;", "mine;")


async def test_a_restore_with_a_key_is_made_once(api: Api) -> None:
    project, checkpoints = await shouted(api)
    (turn,) = (await api.ok("GET", checkpoints))["checkpoints"]
    path, key = f"{checkpoints}/{turn['checkpointId']}/restore", {"Idempotency-Key": "once"}
    first = await api.ok("POST", path, headers=key)
    await put(api, project, "a.txt", "mine\n")
    assert await api.ok("POST", path, headers=key) == first
    assert await read(api, project, "a.txt") == "mine\n"
    other = f"{checkpoints}/{first['checkpointId']}/restore"
    reused = await api.call("POST", other, headers=key)
    assert (reused.status, reused.body["code"]) == (409, "idempotency_key_reused")


async def test_no_restore_while_an_answer_is_written(api: Api) -> None:
    project, checkpoints = await shouted(api)
    (turn,) = (await api.ok("GET", checkpoints))["checkpoints"]
    sent = await api.send(await api.conversation(project), "slowly")
    await api.until_streaming(sent["messageId"])
    busy = await api.call("POST", f"{checkpoints}/{turn['checkpointId']}/restore")
    assert (busy.status, busy.body["code"]) == (409, "message_in_progress")
    assert busy.body["messageId"] == sent["messageId"]
    assert await read(api, project, "a.txt") == AFTER
    await api.ok("POST", "/api/messages/cancel", {"messageId": sent["messageId"]})
    await api.ok("POST", f"{checkpoints}/{turn['checkpointId']}/restore")


async def test_hunks_are_accepted_and_rejected_one_by_one(api: Api) -> None:
    project, checkpoints = await shouted(api)
    (turn,) = (await api.ok("GET", checkpoints))["checkpoints"]
    checkpoint = f"{checkpoints}/{turn['checkpointId']}"
    first, second = await hunks(api, checkpoint)
    assert (first["oldStart"], first["oldLines"], first["state"]) == (1, 7, "open")
    assert first["lines"][2:6] == [" line 2;", "-line 3;", "+LINE 3;", " line 4;"]
    judged = {"path": "a.txt", "accept": [first["hunkId"]], "reject": [second["hunkId"]]}
    await put(api, project, "a.txt", AFTER.replace("line 25;", "mine;"))
    answer = await api.ok("POST", f"{checkpoint}/hunks", judged)
    assert [hunk["state"] for hunk in answer["files"][0]["hunks"]] == ["accepted", "rejected"]
    expected = AFTER.replace("LINE 19;", "line 19;").replace("line 25;", "mine;")
    assert await read(api, project, "a.txt") == expected
    again = await api.ok("POST", f"{checkpoint}/hunks", judged)
    assert "undoneBy" not in again
    assert [hunk["state"] for hunk in await hunks(api, checkpoint)] == ["accepted", "rejected"]
    await api.ok("POST", f"{checkpoints}/{answer['undoneBy']}/restore")
    assert await read(api, project, "a.txt") == AFTER.replace("line 25;", "mine;")


async def test_a_hunk_that_was_edited_since_cannot_be_rejected(api: Api) -> None:
    project, checkpoints = await shouted(api)
    (turn,) = (await api.ok("GET", checkpoints))["checkpoints"]
    checkpoint = f"{checkpoints}/{turn['checkpointId']}"
    first, second = await hunks(api, checkpoint)
    mine = AFTER.replace("LINE 3;", "mine;")
    await put(api, project, "a.txt", mine)
    both = {"path": "a.txt", "reject": [first["hunkId"], second["hunkId"]]}
    refused = await api.call("POST", f"{checkpoint}/hunks", both)
    assert (refused.status, refused.body["code"]) == (409, "hunk_conflict")
    assert '"a.txt" was left as it is' in refused.body["error"]
    assert await read(api, project, "a.txt") == mine
    assert [hunk["state"] for hunk in await hunks(api, checkpoint)] == ["open", "open"]
    unknown = {"path": "a.txt", "reject": ["0123456789abcdef"]}
    refused = await api.call("POST", f"{checkpoint}/hunks", unknown)
    assert (refused.status, refused.body["code"]) == (409, "unknown_hunk")
    refused = await api.call("POST", f"{checkpoint}/hunks", {"path": "b.txt", "reject": ["x"]})
    assert refused.status == 404
    refused = await api.call("POST", f"{checkpoint}/hunks", {"path": "a.txt"})
    assert (refused.status, refused.body["code"]) == (400, "invalid_request")


async def test_checkpoints_are_their_owners_alone(api: Api, new_person: NewPerson) -> None:
    project, checkpoints = await shouted(api)
    (turn,) = (await api.ok("GET", checkpoints))["checkpoints"]
    one = f"{checkpoints}/{turn['checkpointId']}"
    stranger = await new_person()
    own = f"/api/projects/{await stranger.project()}/checkpoints/{turn['checkpointId']}"
    for method, path, body in [
        ("GET", checkpoints, None),
        ("GET", one, None),
        ("POST", f"{one}/restore", None),
        ("POST", f"{one}/hunks", {"path": "a.txt", "reject": ["x"]}),
        ("GET", own, None),
        ("POST", f"{own}/restore", None),
    ]:
        refused = await stranger.call(method, path, body)
        assert (refused.status, refused.body["code"]) == (404, "not_found"), path
    assert await read(api, project, "a.txt") == AFTER


async def test_a_list_has_pages(api: Api) -> None:
    project, checkpoints = await shouted(api)
    (turn,) = (await api.ok("GET", checkpoints))["checkpoints"]
    await api.ok("POST", f"{checkpoints}/{turn['checkpointId']}/restore")
    page = await api.ok("GET", f"{checkpoints}?limit=1")
    assert [row["kind"] for row in page["checkpoints"]] == ["restore"]
    page = await api.ok("GET", f"{checkpoints}?limit=1&cursor={page['nextCursor']}")
    assert [row["kind"] for row in page["checkpoints"]] == ["turn"]
    assert (await api.call("GET", f"{checkpoints}?limit=51")).status == 400
    assert project
