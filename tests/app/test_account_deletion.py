"""An account is deleted while the product is killed, and nothing of its owner is left anywhere."""

import asyncio
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.support.api_client import Api, api_at
from tests.support.issuer import Issuer
from tests.support.pictures import png
from tests.support.product import Program, start
from tests.support.traces import traces
from tests.support.waiting import until_answered

pytestmark = pytest.mark.timeout(180)  # it starts the product three times, and waits out the relay

CONFIRM = {"confirm": "delete my account"}


async def furnish(person: Api, marker: str) -> None:
    """Something of everything that a person can have."""
    project_id = await person.project(f"{marker} project")
    project = f"/api/projects/{project_id}"
    await person.ok("PUT", f"{project}/files/notes.txt", data=f"{marker} text".encode())
    await person.ok("PUT", f"{project}/files/blob.bin", data=b"\0" + f"{marker} blob".encode())
    await person.ok("PATCH", f"{project}/settings", {"devCommand": f"echo {marker}"})
    await person.ok("POST", f"{project}/mcp-token")
    image = {"data": png(8, 8, noise=marker.encode()), "headers": {"Content-Type": "image/png"}}
    await person.ok("POST", f"{project}/attachments", **image)
    for text in ("write", "make a plan", "bad key"):
        sent = await person.send(await person.conversation(project_id), f"{marker}: {text}")
        await person.until_final(sent["messageId"])
    conversation_id = await person.conversation(project_id)
    await person.send(conversation_id, f"{marker}: ask me")

    async def is_asked() -> bool:
        asks = await person.ok("GET", f"/api/conversations/{conversation_id}/asks")
        return bool(asks["asks"])

    await until_answered(is_asked)
    server = {"url": "https://mcp.example/", "headers": {"Authorization": f"{marker} secret"}}
    await person.ok("PUT", f"{project}/mcp-servers", {"mcpServers": {marker: server}})
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("packed.txt", f"{marker} packed")
    zipped = {"data": data.getvalue(), "headers": {"Content-Type": "application/zip"}}
    begun = await person.ok("POST", f"/api/projects/import?name={marker}-import", **zipped)

    async def is_imported() -> bool:
        listed = await person.ok("GET", f"/api/projects/{begun['projectId']}/transfers")
        return listed["transfers"][0]["status"] == "completed"

    await until_answered(is_imported)


async def until_deleted(person: Api) -> None:
    async def is_deleted() -> bool:
        return "deletionRequestedAt" not in await person.ok("GET", "/api/account")

    await until_answered(is_deleted, timeout_s=90)


async def test_nothing_of_a_deleted_account_is_left_although_the_product_was_killed(
    product_env: dict[str, str], issuer: Issuer, tmp_path: Path
) -> None:
    env = {**product_env, "POLARIS_RECORDINGS": str(tmp_path / "data" / "recordings")}
    program = start(["dev"], folder=tmp_path, env=env)
    try:
        await furnish_both(program, issuer)
        program.kill()
        before = traces(tmp_path / "data", ["ann-owner", "ann-marker", "bob-owner", "bob-marker"])
        program = start(["dev"], folder=tmp_path, env=env)
        await ask_for_deletion(program, issuer)
        program.kill()
        program = start(["dev"], folder=tmp_path, env=env)
        program.kill()
        program = start(["dev"], folder=tmp_path, env=env)
        url = program.ready["api"]
        async with api_at(url, "ann-owner", issuer.token("ann-owner")) as ann:
            await until_deleted(ann)
            assert await ann.ok("GET", "/api/projects") == {"projects": []}
            assert (await ann.ok("GET", "/api/usage"))["total"]["requests"] == 0
        async with api_at(url, "bob-owner", issuer.token("bob-owner")) as bob:
            assert len((await bob.ok("GET", "/api/projects"))["projects"]) == 2
    finally:
        program.stop()
    assert traces(tmp_path / "data", ["ann-owner", "ann-marker"]) == []
    bobs = [each for each in before if each.startswith("bob")]
    assert traces(tmp_path / "data", ["bob-owner", "bob-marker"]) == bobs
    assert any("recordings" in each for each in before)
    assert any("workspaces" in each for each in before)


async def furnish_both(program: Program, issuer: Issuer) -> None:
    url = program.ready["api"]
    async with (
        api_at(url, "ann-owner", issuer.token("ann-owner")) as ann,
        api_at(url, "bob-owner", issuer.token("bob-owner")) as bob,
    ):
        await asyncio.gather(furnish(ann, "ann-marker"), furnish(bob, "bob-marker"))


async def ask_for_deletion(program: Program, issuer: Issuer) -> None:
    async with api_at(program.ready["api"], "ann-owner", issuer.token("ann-owner")) as ann:
        unconfirmed = await ann.call("DELETE", "/api/account", {"confirm": "yes"})
        assert (unconfirmed.status, unconfirmed.body["field"]) == (400, "confirm")
        answer = await ann.call("DELETE", "/api/account", CONFIRM)
        assert answer.status == 202
        assert answer.body["deletionRequestedAt"]
        begun = await ann.call("POST", "/api/projects", {"name": "one more"})
        assert (begun.status, begun.body["code"]) == (409, "account_being_deleted")


async def test_whoever_comes_back_begins_anew(api: Api) -> None:
    await furnish(api, "again")
    await api.ok("DELETE", "/api/account", CONFIRM)
    await api.ok("DELETE", "/api/account", CONFIRM)  # no second one
    await until_deleted(api)
    account = await api.ok("GET", "/api/account")
    assert account == {"ownerId": api.owner, "storageBytes": 0}
    sent = await api.send(await api.conversation(), "hello")
    assert (await api.until_final(sent["messageId"]))["status"] == "completed"


def names(archive: zipfile.ZipFile) -> set[str]:
    return {name.rpartition("/")[2] for name in archive.namelist()}


async def test_an_export_holds_all_that_is_a_persons_and_no_secret(api: Api) -> None:
    await furnish(api, "mine")
    exported = await api.ok("GET", "/api/account/export")
    with zipfile.ZipFile(io.BytesIO(exported)) as archive:
        assert archive.testzip() is None
        files = {name: archive.read(name) for name in archive.namelist()}
    by_end = {name.rpartition("/")[2]: data for name, data in files.items()}
    assert by_end["notes.txt"] == b"mine text"
    assert by_end["blob.bin"] == b"\0mine blob"
    assert by_end["made.txt"] == b"by me\n"
    assert json.loads(by_end["account.json"])["ownerId"] == api.owner
    assert json.loads(by_end["project.json"])["ownerId"] == api.owner
    answers = sorted(name for name in files if name.endswith("-assistant.json"))
    messages = [json.loads(files[name]) for name in answers]
    assert {call["name"] for each in messages for call in each.get("toolCalls", [])} >= {
        "writeFile",
        "todo",
        "askUser",
    }
    assert any("asks" in each for each in messages)
    for table in ("usageDays.jsonl", "checkpoints.jsonl", "transfers.jsonl", "mcpServers.jsonl"):
        assert by_end[table], table
    text = b"".join(files.values())
    assert b"sealed" not in text
    assert b"headers" not in text
    packed = await api.ok("GET", "/api/account/export?format=tar.gz")
    assert packed[:2] == b"\x1f\x8b"


async def test_an_export_is_ones_own(api: Api, new_person: Any) -> None:
    await api.project("of somebody else")
    stranger = await new_person()
    exported = await stranger.ok("GET", "/api/account/export")
    assert b"somebody" not in exported
    with zipfile.ZipFile(io.BytesIO(exported)) as archive:
        assert names(archive) == {"README.txt", "account.json"}
