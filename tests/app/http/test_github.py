"""Import and export over HTTP, in the whole product, with a GitHub of our own; also killed."""

import asyncio
import base64
from pathlib import Path
from typing import Any

import pytest

from tests.app.conftest import NewPerson
from tests.app.http.conftest import TOKEN
from tests.support.api_client import Api, local_user
from tests.support.github import File, GithubStandIn, odd_files
from tests.support.product import Program, disposable

pytestmark = pytest.mark.timeout(300)  # it starts the product anew, and kills it


async def ended(api: Api, project_id: str) -> dict[str, Any]:
    return await transfer_once(api, project_id, "status", {"completed", "failed", "cancelled"})


async def transfer_once(
    api: Api, project_id: str, field: str, values: set[object]
) -> dict[str, Any]:
    while True:
        newest = (await api.ok("GET", f"/api/projects/{project_id}/transfers"))["transfers"][0]
        if newest.get(field) in values:
            return newest
        await asyncio.sleep(0.05)


async def listed(api: Api, project_id: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    cursor = ""
    while True:
        page = await api.ok("GET", f"/api/projects/{project_id}/files?limit=1000{cursor}")
        found |= {row["path"]: row for row in page["files"] if row["type"] == "file"}
        if "nextCursor" not in page:
            return found
        cursor = f"&cursor={page['nextCursor']}"


async def test_an_import_answers_at_once_and_is_followed(user: Api, github: GithubStandIn) -> None:
    github.repositories.make("octo/odd", private=True)
    github.repositories.commit("octo/odd", odd_files())
    body = {"url": f"{github.url}/octo/odd.git?tab=readme"}
    started = await user.ok("POST", "/api/github/import", body)
    assert started["success"] is True
    assert started["eventId"]
    transfer = await ended(user, started["projectId"])
    assert (transfer["status"], transfer["done"]) == ("completed", len(odd_files()))
    project = await user.ok("GET", f"/api/projects/{started['projectId']}")
    assert (project["name"], project["importStatus"]) == ("odd", "completed")
    files = await listed(user, started["projectId"])
    assert set(files) == {file.path.decode() for file in odd_files()}
    again = await user.call("POST", "/api/github/import", {**body, "repoUrl": "octo/odd"})
    assert (again.status, again.body["field"]) == (400, "url")
    by_name = await user.ok("POST", "/api/github/import", {"repoUrl": "octo/odd"})
    assert (await ended(user, by_name["projectId"]))["status"] == "completed"


async def test_a_key_makes_one_import_however_often_it_is_sent(
    user: Api, github: GithubStandIn
) -> None:
    if not github.repositories.exists("octo/once"):
        github.repositories.make("octo/once")
        github.repositories.commit("octo/once", [File(b"a", b"a\n")])
    headers = {"Idempotency-Key": "form-1"}
    body = {"url": "octo/once"}
    first, second = [
        await user.ok("POST", "/api/github/import", body, headers=headers) for _ in range(2)
    ]
    assert first == second
    assert (await ended(user, first["projectId"]))["status"] == "completed"


async def test_the_account_is_shown(user: Api, api: Api) -> None:
    assert await user.ok("GET", "/api/github/status") == {"connected": True, "username": "octo"}
    assert await api.ok("GET", "/api/github/status") == {"connected": False}


async def test_an_address_that_is_none_is_refused_in_words(user: Api) -> None:
    for url in ("https://evil.com/github.com/o/r", "https://gitlab.com/o/r", "hello", ""):
        refused = await user.call("POST", "/api/github/import", {"url": url})
        assert (refused.status, refused.body["code"]) == (400, "bad_repository_address")
        assert refused.body["field"] == "url"


async def test_a_cancelled_import_stops_and_leaves_no_file(
    user: Api, github: GithubStandIn
) -> None:
    github.repositories.make("octo/slow")
    github.repositories.commit("octo/slow", [File(b"a", b"a\n")])
    github.gate.clear()
    started = await user.ok("POST", "/api/github/import", {"url": "octo/slow"})
    body = {"projectId": started["projectId"]}
    await transfer_once(user, started["projectId"], "phase", {"fetching"})
    cancelled = await user.ok("POST", "/api/github/import/cancel", body)
    assert cancelled["cancelled"] is True
    github.gate.set()
    transfer = await ended(user, started["projectId"])
    assert (transfer["status"], transfer["errorCode"]) == ("cancelled", "cancelled")
    again = await user.ok("POST", "/api/github/import/cancel", body)
    assert again["cancelled"] is False
    page = await user.ok("GET", "/api/runs?job=import-repository&limit=1")
    while page["runs"][0]["status"] in {"running", "queued"}:
        await asyncio.sleep(0.05)
        page = await user.ok("GET", "/api/runs?job=import-repository&limit=1")
    assert page["runs"][0]["status"] == "cancelled"
    assert await listed(user, started["projectId"]) == {}


async def test_a_project_goes_to_github_and_comes_back_the_same(
    user: Api, github: GithubStandIn
) -> None:
    started = await user.ok("POST", "/api/github/import", {"url": "octo/odd"})
    project_id = started["projectId"]
    await ended(user, project_id)
    body = {"projectId": project_id, "repoName": "round-trip", "visibility": "public"}
    exported = await user.ok("POST", "/api/github/export", body)
    assert exported["success"] is True
    transfer = await ended(user, project_id)
    assert (transfer["kind"], transfer["status"]) == ("export", "completed"), transfer
    assert github.repositories.tree("octo/round-trip") == github.repositories.tree("octo/odd")
    project = await user.ok("GET", f"/api/projects/{project_id}")
    assert project["exportRepoUrl"] == f"{github.url}/octo/round-trip"
    await user.ok("PUT", f"/api/projects/{project_id}/files/new.txt", data=b"new\n")
    update = {"projectId": project_id, "repoUrl": project["exportRepoUrl"], "commitMessage": "New"}
    await user.ok("POST", "/api/github/export", update)
    assert (await ended(user, project_id))["status"] == "completed"
    assert github.repositories.git("octo/round-trip", "log", "--format=%s") == (
        "New\nInitial commit from Polaris"
    )
    reset = await user.ok("POST", "/api/github/export/reset", {"projectId": project_id})
    assert reset == {"success": True, "projectId": project_id}
    assert "exportStatus" not in await user.ok("GET", f"/api/projects/{project_id}")


async def test_a_cancelled_export_stops_and_says_what_is_left(
    user: Api, github: GithubStandIn
) -> None:
    project_id = await user.project()
    await user.ok("PUT", f"/api/projects/{project_id}/files/a.txt", data=b"a\n")
    github.gate.clear()
    body = {"projectId": project_id, "repoName": "left"}
    await user.ok("POST", "/api/github/export", body)
    await transfer_once(user, project_id, "phase", {"reading"})
    busy = await user.call("POST", "/api/github/export", body)
    assert (busy.status, busy.body["code"]) == (409, "transfer_in_progress")
    cancelled = await user.ok("POST", "/api/github/export/cancel", {"projectId": project_id})
    github.gate.set()
    assert cancelled["cancelled"] is True
    transfer = await ended(user, project_id)
    assert transfer["status"] == "cancelled"
    assert f"{github.url}/octo/left is left" in transfer["error"]


async def test_an_export_without_an_account_or_a_target_is_refused(user: Api, api: Api) -> None:
    body = {"projectId": await api.project(), "repoName": "x"}
    refused = await api.call("POST", "/api/github/export", body)
    assert (refused.status, refused.body["code"]) == (400, "github_not_connected")
    assert "GitHub not connected" in refused.body["error"]
    mine = await user.project()
    for more in ({}, {"repoName": "a b"}, {"repoName": "a", "repoUrl": "o/a"}, {"repoUrl": "a"}):
        refused = await user.call("POST", "/api/github/export", {"projectId": mine, **more})
        assert refused.status == 400, more


@pytest.mark.parametrize("form", ["zip", "tar.gz"])
async def test_a_project_is_fetched_and_sent_as_an_archive(user: Api, form: str) -> None:
    project_id = await user.project("My shop!")
    await user.ok("PUT", f"/api/projects/{project_id}/files/a/b.txt", data=b"b\n")
    await user.ok("PUT", f"/api/projects/{project_id}/files/run?executable=true", data=b"#!x\n")
    archive = await user.call("GET", f"/api/projects/{project_id}/archive?format={form}")
    assert archive.status == 200
    assert archive.headers["Content-Disposition"] == f'attachment; filename="My-shop.{form}"'
    headers = {"Content-Type": "application/octet-stream"}
    path = "/api/projects/import?name=again"
    started = await user.ok("POST", path, data=archive.body, headers=headers)
    transfer = await ended(user, started["projectId"])
    assert (transfer["status"], transfer["done"]) == ("completed", 2), transfer
    files = await listed(user, started["projectId"])
    assert {name: row.get("executable", False) for name, row in files.items()} == {
        "a/b.txt": False,
        "run": True,
    }


async def test_an_archive_may_be_larger_than_a_file_and_is_sent_as_it_is(user: Api) -> None:
    headers = {"Content-Type": "application/octet-stream"}
    path = "/api/projects/import?name=no"
    large = b"no archive" + bytes(11 * 1024 * 1024)
    started = await user.ok("POST", path, data=large, headers=headers)
    transfer = await ended(user, started["projectId"])
    assert (transfer["status"], transfer["errorCode"]) == ("failed", "bad_archive")
    refused = await user.call("POST", path, {"url": "x"})
    assert (refused.status, refused.body["code"]) == (400, "invalid_request")


async def test_a_strangers_transfers_are_as_good_as_none(new_person: NewPerson) -> None:
    owner, stranger = await new_person(), await new_person()
    project = await owner.project()
    for method, path, body in (
        ("GET", f"/api/projects/{project}/transfers", None),
        ("GET", f"/api/projects/{project}/archive", None),
        ("POST", "/api/github/import/cancel", {"projectId": project}),
        ("POST", "/api/github/export/cancel", {"projectId": project}),
        ("POST", "/api/github/export/reset", {"projectId": project}),
    ):
        assert (await stranger.call(method, path, body)).status == 404
        assert (await owner.call(method, path, body)).status == 200
    export = {"projectId": project, "repoName": "stolen"}
    assert (await stranger.call("POST", "/api/github/export", export)).status == 404


async def test_a_process_killed_in_the_middle_of_an_import_loses_and_doubles_nothing(
    local_env: dict[str, str], tmp_path: Path, github: GithubStandIn
) -> None:
    files = [File(b"d%d/f%d.txt" % (i % 40, i), b"file %d\n" % i * 400) for i in range(1_200)]
    github.repositories.make("octo/many")
    github.repositories.commit("octo/many", files)
    with disposable(["dev"], folder=tmp_path, env=local_env) as first:
        async with local_user(first) as user:
            started = await user.ok("POST", "/api/github/import", {"url": "octo/many"})
            project_id = started["projectId"]
            await transfer_once(user, project_id, "phase", {"writing"})
            first.kill()
    with disposable(["dev"], folder=tmp_path, env=local_env) as second:
        async with local_user(second) as user:
            transfer = await ended(user, project_id)
            assert (transfer["status"], transfer["done"]) == ("completed", 1_200), transfer
            found = await listed(user, project_id)
    assert {path: row["size"] for path, row in found.items()} == {
        file.path.decode(): len(file.data) for file in files
    }


async def test_a_process_killed_in_the_middle_of_an_export_pushes_one_commit(
    local_env: dict[str, str], tmp_path: Path, github: GithubStandIn
) -> None:
    github.gate.clear()
    with disposable(["dev"], folder=tmp_path, env=local_env) as first:
        async with local_user(first) as user:
            project_id = await user.project()
            await user.ok("PUT", f"/api/projects/{project_id}/files/a.txt", data=b"a\n")
            body = {"projectId": project_id, "repoName": "killed"}
            await user.ok("POST", "/api/github/export", body)
            await transfer_once(user, project_id, "phase", {"reading"})
            first.kill()
    github.gate.set()
    with disposable(["dev"], folder=tmp_path, env=local_env) as second:
        async with local_user(second) as user:
            transfer = await ended(user, project_id)
    assert transfer["status"] == "completed", transfer
    assert github.repositories.git("octo/killed", "rev-list", "--count", "main") == "1"
    assert github.repositories.git("octo/killed", "show", "main:a.txt") == "a"


async def test_a_run_that_is_stopped_ends_its_transfer(user: Api, github: GithubStandIn) -> None:
    github.repositories.make("octo/stopped")
    github.repositories.commit("octo/stopped", [File(b"a", b"a\n")])
    github.gate.clear()
    started = await user.ok("POST", "/api/github/import", {"url": "octo/stopped"})
    await transfer_once(user, started["projectId"], "phase", {"fetching"})
    runs = (await user.ok("GET", "/api/runs?job=import-repository&limit=1"))["runs"]
    await user.ok("POST", f"/api/runs/{runs[0]['runId']}/cancel")
    github.gate.set()
    assert (await ended(user, started["projectId"]))["status"] == "cancelled"


def test_the_token_is_nowhere(local: Program, local_folder: Path) -> None:
    """Not in the engine's database, the store's, the logs, nor any other file of the data folder.

    It runs after the others: they have used it.
    """
    forms = TOKEN.encode(), base64.b64encode(f"x-access-token:{TOKEN}".encode())
    files = [path for path in (*local_folder.rglob("*"), local.log) if path.is_file()]
    assert len(files) > 3
    for path in files:
        data = path.read_bytes()
        assert not any(form in data for form in forms), path
