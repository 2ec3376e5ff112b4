"""Pulls and pull requests over HTTP, in the whole product, which is killed in the middle of one."""

import base64
import os
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from tests.app.conftest import NewPerson
from tests.app.http.conftest import TOKEN
from tests.app.http.test_github import ended, listed, transfer_once
from tests.support.api_client import Api, local_user
from tests.support.github import File, GithubStandIn
from tests.support.product import Program, disposable

pytestmark = pytest.mark.timeout(300)  # it starts the product anew, and kills it

MANY = 400
TEXT = "".join(f"line {number}\n" for number in range(1, 21))


def user_of(program: Program) -> AbstractAsyncContextManager[Api]:
    return local_user(program)


async def imported(user: Api, repository: str) -> str:
    started = await user.ok("POST", "/api/github/import", {"url": repository})
    assert (await ended(user, started["projectId"]))["status"] == "completed"
    return started["projectId"]


async def written(user: Api, project_id: str, path: str, text: str) -> None:
    await user.ok("PUT", f"/api/projects/{project_id}/files/{path}", data=text.encode())


async def text_of(user: Api, project_id: str, path: str) -> str:
    data: bytes = await user.ok("GET", f"/api/projects/{project_id}/files/{path}")
    return data.decode()


def content_of(path: Path) -> bytes | None:
    """None for what git has thrown away meanwhile."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def assert_no_token(folder: Path) -> None:
    """Not in the databases, the logs, nor in what is kept of repositories."""
    forms = TOKEN.encode(), base64.b64encode(f"x-access-token:{TOKEN}".encode())
    found = ((Path(top) / name) for top, _, names in os.walk(folder) for name in names)
    kept = {path: content for path in found if (content := content_of(path)) is not None}
    assert any("histories" in path.parts for path in kept)
    for path, data in kept.items():
        assert not any(form in data for form in forms), path


async def test_a_pull_and_a_pull_request_answer_at_once_and_are_followed(
    user: Api, local_folder: Path, github: GithubStandIn
) -> None:
    repositories = github.repositories
    repositories.make("octo/a", private=True)
    repositories.commit("octo/a", [File(b"a.txt", TEXT.encode())])
    project_id = await imported(user, "octo/a")
    project = await user.ok("GET", f"/api/projects/{project_id}")
    assert project["repository"] == {
        "repository": "octo/a",
        "url": f"{github.url}/octo/a",
        "branch": "main",
        "folder": "",
        "commit": repositories.head("octo/a"),
        "syncedAt": project["repository"]["syncedAt"],
    }
    await written(user, project_id, "a.txt", TEXT.replace("line 7", "mine"))
    theirs = TEXT.replace("line 7", "theirs").encode()
    commit = repositories.commit("octo/a", [File(b"a.txt", theirs), File(b"b", b"\0")])
    body = {"projectId": project_id}
    started = await user.ok("POST", "/api/github/pull", body)
    assert set(started) == {"success", "projectId", "eventId", "transferId"}
    pulled = await ended(user, project_id)
    assert (pulled["kind"], pulled["status"], pulled["commit"]) == ("pull", "completed", commit)
    assert [line["path"] for line in pulled["conflicts"]] == ["a.txt"]
    assert pulled["conflictsCount"] == 1
    assert "<<<<<<< this project\nmine\n" in await text_of(user, project_id, "a.txt")
    assert set(await listed(user, project_id)) == {"a.txt", "b"}
    kinds = await user.ok("GET", f"/api/projects/{project_id}/checkpoints")
    assert [it["kind"] for it in kinds["checkpoints"]] == ["pull"]
    await written(user, project_id, "a.txt", "decided\n")
    words = {"branch": "mine", "title": "Mine", "commitMessage": "Say so"}
    request = {**body, **words, "author": "Ada <ada@example.com>"}
    await user.ok("POST", "/api/github/pull-request", request)
    opened = await ended(user, project_id)
    assert (opened["kind"], opened["status"]) == ("pullRequest", "completed"), opened
    assert opened["pullRequest"] == {"number": 1, "url": f"{github.url}/octo/a/pull/1"}
    shown = repositories.git("octo/a", "log", "-1", "--format=%an|%cn|%s", "mine")
    assert shown == "Ada|Polaris|Say so"
    for path in ("pull", "pull-request"):
        cancelled = await user.ok("POST", f"/api/github/{path}/cancel", body)
        assert cancelled["cancelled"] is False
    assert_no_token(local_folder)


async def test_what_cannot_be_pulled_or_proposed_is_refused_in_words(user: Api) -> None:
    project_id = await user.project()
    for path in ("/api/github/pull", "/api/github/pull-request"):
        refused = await user.call("POST", path, {"projectId": project_id})
        assert (refused.status, refused.body["code"]) == (400, "no_repository")
    bad = ["-x", "a..b", "a b", "/a", "a/", "a.lock", "a//b", "", "a" * 300, "a/.b", "a\n"]
    for branch in bad:
        body = {"projectId": project_id, "branch": branch}
        refused = await user.call("POST", "/api/github/pull-request", body)
        assert (refused.status, refused.body["field"]) == (400, "branch"), branch
    for author in ("Ada", "Ada <ada>\n", "<a@b>", "A <a b>", "A\0 <a@b>"):
        body = {"projectId": project_id, "author": author}
        refused = await user.call("POST", "/api/github/pull-request", body)
        assert (refused.status, refused.body["code"]) == (400, "invalid_request"), author


async def test_a_strangers_project_is_as_good_as_none(new_person: NewPerson) -> None:
    owner, stranger = await new_person(), await new_person()
    body = {"projectId": await owner.project()}
    for path in ("pull", "pull/cancel", "pull-request", "pull-request/cancel"):
        refused = await stranger.call("POST", f"/api/github/{path}", body)
        assert (refused.status, refused.body["code"]) == (404, "not_found"), path


@pytest.mark.thorough
async def test_a_process_killed_in_the_middle_of_a_pull_loses_and_doubles_nothing(
    local_env: dict[str, str], tmp_path: Path, github: GithubStandIn
) -> None:
    repositories = github.repositories
    paths = [b"d%d/f%04d.txt" % (number % 10, number) for number in range(MANY)]
    repositories.make("octo/many")
    repositories.commit("octo/many", [File(path, TEXT.encode()) for path in paths])
    theirs = TEXT.replace("line 7", "theirs")
    edited = ("d0/f0000.txt", "d9/f0399.txt")
    with disposable(["dev"], folder=tmp_path, env=local_env) as first:
        async with user_of(first) as user:
            project_id = await imported(user, "octo/many")
            for path in edited:
                await written(user, project_id, path, TEXT.replace("line 7", "mine"))
            repositories.commit("octo/many", [File(path, theirs.encode()) for path in paths])
            await user.ok("POST", "/api/github/pull", {"projectId": project_id})
            await transfer_once(user, project_id, "done", set(range(1, MANY + 1)))
            first.kill()
    with disposable(["dev"], folder=tmp_path, env=local_env) as second:
        async with user_of(second) as user:
            transfer = await ended(user, project_id)
            assert (transfer["status"], transfer["done"]) == ("completed", MANY), transfer
            assert [line["path"] for line in transfer["conflicts"]] == list(edited)
            for path in edited:
                text = await text_of(user, project_id, path)
                assert text.count("<<<<<<<") == 1
            found = await listed(user, project_id)
    others = {row["size"] for path, row in found.items() if path not in edited}
    assert (len(found), others) == (MANY, {len(theirs)})
