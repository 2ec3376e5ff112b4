"""Front end T, which reads REST in place of Convex: files by id, bare lists, models of its own."""

import hashlib

import pytest

from tests.app.conftest import NewPerson
from tests.support.api_client import Api

pytestmark = pytest.mark.timeout(60)  # the first test of a session starts the product

BARE = {"Accept": "application/json; profile=bare"}
TEXT = "import one\nimport two\n\nrun()\n\nfinish()\n"


async def made(api: Api) -> tuple[str, str, str]:
    """A project with a file `src/a.ts`: the ids of the project, the folder and the file."""
    project = await api.project()
    files = f"/api/projects/{project}/files"
    folder = await api.ok("POST", files, {"type": "folder", "name": "src"})
    body = {"type": "file", "name": "a.ts", "parentId": folder["_id"], "content": TEXT}
    file = await api.ok("POST", files, body)
    assert file["path"] == "src/a.ts"
    return project, folder["_id"], file["_id"]


async def test_a_file_is_read_written_renamed_and_deleted_by_its_id(api: Api) -> None:
    _, folder, file = await made(api)
    path = f"/api/files/{file}"
    read = await api.ok("GET", path)
    assert (read["content"], read["type"], read["parentId"]) == (TEXT, "file", folder)
    assert (await api.ok("GET", f"/api/files/{folder}"))["type"] == "folder"
    assert await api.ok("GET", f"{path}/path") == [
        {"_id": folder, "name": "src"},
        {"_id": file, "name": "a.ts"},
    ]
    written = await api.ok("PATCH", path, {"content": "two\n"})
    assert written["sha256"] == hashlib.sha256(b"two\n").hexdigest()
    assert (await api.ok("PATCH", path, {"newName": "b.ts"}))["path"] == "src/b.ts"
    assert await api.ok("DELETE", path) == {"success": True}
    assert (await api.call("GET", path)).status == 404


async def test_an_editor_keeps_what_others_have_written(api: Api) -> None:
    project, _, file = await made(api)
    by_agent = TEXT.replace("import two\n", "import two\nimport three\n")
    put = f"/api/projects/{project}/files/src/a.ts"
    await api.ok("PUT", put, {"content": by_agent})
    path = f"/api/files/{file}"
    await api.ok("PATCH", path, {"content": TEXT.replace("finish()", "finish(1)")})
    assert (await api.ok("GET", path))["content"] == by_agent.replace("finish()", "finish(1)")
    old = {"content": "x", "expectedSha256": hashlib.sha256(TEXT.encode()).hexdigest()}
    refused = await api.call("PATCH", path, old)
    assert (refused.status, refused.body["code"]) == (409, "file_changed")


async def test_a_folder_is_a_bare_array(api: Api) -> None:
    project, folder, file = await made(api)
    path = f"/api/projects/{project}/folder-contents"
    assert [row["_id"] for row in await api.ok("GET", path)] == [folder]
    assert [row["_id"] for row in await api.ok("GET", f"{path}?parentId={folder}")] == [file]
    assert (await api.call("GET", f"{path}?parentId={file}")).status == 404


async def test_strangers_find_no_file(api: Api, new_person: NewPerson) -> None:
    project, folder, file = await made(api)
    stranger = await new_person()
    other = await stranger.project()
    calls = [
        ("GET", f"/api/files/{file}", None),
        ("PATCH", f"/api/files/{file}", {"content": "x"}),
        ("PATCH", f"/api/files/{file}", {"newName": "x"}),
        ("DELETE", f"/api/files/{file}", None),
        ("GET", f"/api/files/{file}/path", None),
        ("GET", f"/api/projects/{project}/folder-contents", None),
        ("GET", f"/api/projects/{other}/folder-contents?parentId={folder}", None),
        ("POST", f"/api/projects/{other}/files", {"type": "file", "name": "x", "parentId": folder}),
        ("GET", "/api/files/nothing", None),
    ]
    for method, path, body in calls:
        assert (await stranger.call(method, path, body)).status == 404, (method, path)


async def test_what_is_no_change_is_refused(api: Api) -> None:
    project, folder, file = await made(api)
    path = f"/api/files/{file}"
    for body in ({}, {"content": "x", "newName": "y"}, {"newName": "a/b"}, {"newName": ""}):
        assert (await api.call("PATCH", path, body)).status == 400, body
    assert (await api.call("PATCH", f"/api/files/{folder}", {"content": "x"})).status == 409
    files = f"/api/projects/{project}/files"
    for body in (
        {"type": "file"},
        {"type": "file", "path": "a", "name": "a"},
        {"type": "file", "path": "a", "parentId": folder},
        {"type": "file", "name": "a/b"},
    ):
        assert (await api.call("POST", files, body)).status == 400, body


async def test_lists_are_bare_where_they_are_asked_for_so(api: Api) -> None:
    project, _, _ = await made(api)
    conversation = await api.conversation(project)
    await api.send(conversation, "hello")
    second = await api.project("Second")
    first, *none = await api.ok("GET", "/api/projects?limit=1", headers=BARE)
    assert (first["_id"], none) == (second, [])
    paged = await api.call("GET", "/api/projects?limit=1", headers=BARE)
    following = paged.headers["Link"].removeprefix("<").removesuffix('>; rel="next"')
    assert [row["_id"] for row in await api.ok("GET", following, headers=BARE)] == [project]
    lists = {
        f"/api/projects/{project}/conversations": 1,
        f"/api/projects/{project}/files": 2,
        f"/api/conversations/{conversation}/messages": 2,
    }
    for path, count in lists.items():
        assert len(await api.ok("GET", path, headers=BARE)) == count
        assert isinstance(await api.ok("GET", path), dict)
    nothing = await api.call("GET", "/api/projects/nothing/conversations", headers=BARE)
    assert (nothing.status, nothing.body["code"]) == (404, "not_found")


async def test_a_model_that_is_unknown_is_passed_over(api: Api) -> None:
    conversation = await api.conversation()
    body = {"conversationId": conversation, "message": "hello", "modelId": "gemini-2.5-pro"}
    sent = await api.ok("POST", "/api/messages", body)
    assert (await api.until_final(sent["messageId"]))["status"] == "completed"
