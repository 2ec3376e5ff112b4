"""Projects, files and conversations over HTTP."""

import base64
import hashlib

import pytest
from yarl import URL

from tests.app.conftest import NewPerson
from tests.support.api_client import Api

pytestmark = pytest.mark.timeout(60)  # the first test of a session starts the product


async def test_a_project_is_made_listed_changed_and_deleted(api: Api) -> None:
    made = await api.ok("POST", "/api/projects", {"name": "shop"})
    assert (made["name"], made["ownerId"], made["settings"]) == ("shop", api.owner, {})
    assert made["_id"] == made["projectId"]
    assert isinstance(made["_creationTime"], int)
    path = f"/api/projects/{made['projectId']}"
    renamed = await api.ok("PATCH", path, {"name": "store"})
    settings = {"installCommand": "pnpm i", "devCommand": "pnpm dev"}
    changed = await api.ok("PATCH", path, {"settings": settings})
    assert (renamed["name"], changed["settings"]) == ("store", settings)
    assert await api.ok("GET", path) == changed
    assert (await api.ok("GET", "/api/projects"))["projects"] == [changed]
    assert await api.ok("DELETE", path) == {"success": True}
    assert (await api.call("GET", path)).status == 404
    assert (await api.ok("GET", "/api/projects"))["projects"] == []


async def test_projects_come_in_pages(api: Api) -> None:
    made = {await api.project(f"p{number}") for number in range(3)}
    first = await api.ok("GET", "/api/projects?limit=2")
    rest = await api.ok("GET", f"/api/projects?limit=2&cursor={first['nextCursor']}")
    listed = [project["projectId"] for project in first["projects"] + rest["projects"]]
    assert len(listed) == 3
    assert set(listed) == made


async def test_a_key_makes_one_project_however_often_it_is_sent(api: Api) -> None:
    headers = {"Idempotency-Key": "form-7"}
    made = [
        await api.ok("POST", "/api/projects", {"name": "shop"}, headers=headers) for _ in range(2)
    ]
    assert made[0]["projectId"] == made[1]["projectId"]


async def test_deleting_a_project_cancels_what_runs_in_it(api: Api) -> None:
    project = await api.project()
    sent = await api.send(await api.conversation(project), "answer slowly")
    await api.ok("DELETE", f"/api/projects/{project}")
    assert (await api.call("GET", f"/api/messages/{sent['messageId']}")).status == 404


BAD_PROJECTS = [
    {},
    {"name": ""},
    {"name": "x" * 201},
    {"name": 7},
    {"name": None},
    {"name": "a", "ownerId": "me"},
]


@pytest.mark.parametrize("body", BAD_PROJECTS, ids=str)
async def test_a_bad_project_is_refused_with_its_field(api: Api, body: dict[str, object]) -> None:
    refused = await api.call("POST", "/api/projects", body)
    assert (refused.status, refused.body["code"]) == (400, "invalid_request")
    assert refused.body["field"] == ("ownerId" if "ownerId" in body else "name")


async def test_a_change_of_nothing_is_refused(api: Api) -> None:
    refused = await api.call("PATCH", f"/api/projects/{await api.project()}", {})
    assert refused.status == 400


async def test_a_file_is_written_read_renamed_and_deleted(api: Api) -> None:
    files = f"/api/projects/{await api.project()}/files"
    written = await api.ok("PUT", f"{files}/src/a.ts", {"content": "one\n"})
    assert (written["path"], written["type"], written["size"]) == ("src/a.ts", "file", 4)
    read = await api.call("GET", f"{files}/src/a.ts")
    assert read.body == b"one\n"
    assert read.headers["Etag"] == f'"{hashlib.sha256(read.body).hexdigest()}"'
    moved = await api.ok("POST", f"{files}/rename", {"path": "src", "newPath": "lib"})
    assert moved["path"] == "lib"
    listed = await api.ok("GET", files)
    assert [entry["path"] for entry in listed["files"]] == ["lib", "lib/a.ts"]
    assert await api.ok("DELETE", f"{files}/lib") == {"success": True}
    assert (await api.call("GET", f"{files}/lib/a.ts")).status == 404
    assert (await api.call("DELETE", f"{files}/lib")).status == 404


async def test_a_file_is_json_for_who_asks_for_json(api: Api) -> None:
    files = f"/api/projects/{await api.project()}/files"
    await api.ok("PUT", f"{files}/a.txt", data="grüße".encode())
    as_json = await api.ok("GET", f"{files}/a.txt", headers={"Accept": "application/json"})
    assert (as_json["content"], as_json["path"]) == ("grüße", "a.txt")


async def test_bytes_that_are_no_text_come_back_as_they_went_in(api: Api) -> None:
    files = f"/api/projects/{await api.project()}/files"
    data = bytes(range(256))
    await api.ok("PUT", f"{files}/raw.bin", data=data)
    await api.ok("PUT", f"{files}/json.bin", {"contentBase64": base64.b64encode(data).decode()})
    for name in ("raw.bin", "json.bin"):
        read = await api.call("GET", f"{files}/{name}")
        assert read.body == data
        assert read.headers["Content-Type"] == "application/octet-stream"
    as_json = await api.ok("GET", f"{files}/raw.bin", headers={"Accept": "application/json"})
    assert base64.b64decode(as_json["contentBase64"]) == data


async def test_a_page_of_a_project_does_not_run_on_our_origin(api: Api) -> None:
    files = f"/api/projects/{await api.project()}/files"
    await api.ok("PUT", f"{files}/index.html", data=b"<script>alert(1)</script>")
    read = await api.call("GET", f"{files}/index.html")
    assert read.headers["Content-Type"].startswith("text/plain")
    assert read.headers["Content-Disposition"] == "attachment"
    assert read.headers["X-Content-Type-Options"] == "nosniff"


async def test_a_copy_that_is_still_good_is_not_sent_again(api: Api) -> None:
    files = f"/api/projects/{await api.project()}/files"
    await api.ok("PUT", f"{files}/a.txt", data=b"one")
    tag = (await api.call("GET", f"{files}/a.txt")).headers["Etag"]
    again = await api.call("GET", f"{files}/a.txt", headers={"If-None-Match": tag})
    assert (again.status, again.body) == (304, b"")


async def test_a_write_over_an_unseen_change_is_refused(api: Api) -> None:
    files = f"/api/projects/{await api.project()}/files"
    first = await api.ok("PUT", f"{files}/a.txt?expectedSha256=", data=b"one")
    assert (await api.call("PUT", f"{files}/a.txt?expectedSha256=", data=b"two")).status == 409
    seen = f"?expectedSha256={first['sha256']}"
    await api.ok("PUT", f"{files}/a.txt{seen}", data=b"two")
    refused = await api.call("PUT", f"{files}/a.txt{seen}", data=b"three")
    assert (refused.status, refused.body["code"]) == (409, "file_changed")
    assert await api.ok("GET", f"{files}/a.txt") == b"two"


async def test_entries_are_made_only_where_nothing_stands(api: Api) -> None:
    files = f"/api/projects/{await api.project()}/files"
    folder = await api.ok("POST", files, {"type": "folder", "path": "src"})
    assert folder["type"] == "folder"
    await api.ok("POST", files, {"type": "file", "path": "src/a.ts", "content": "x"})
    taken = await api.call("POST", files, {"type": "file", "path": "src/a.ts", "content": "y"})
    assert taken.status == 409
    in_the_way = await api.call("POST", files, {"type": "file", "path": "src"})
    assert in_the_way.status == 409
    with_text = await api.call("POST", files, {"type": "folder", "path": "b", "content": ""})
    assert with_text.status == 400


BAD_PATHS = [
    *("../a", "a/../b", "/etc/passwd", "a//b", "a\0b", "a\\b", ".", "a/", "x" * 1025),
    *("a:b.txt", "a\u200bb", "a.", "src/.git/config", "git~1", "~", "a/" * 100 + "b"),
]


@pytest.mark.parametrize("path", BAD_PATHS, ids=lambda path: repr(path[:12]))
async def test_a_path_that_names_no_file_is_refused(api: Api, path: str) -> None:
    files = f"/api/projects/{await api.project()}/files"
    refused = await api.call("POST", files, {"type": "file", "path": path, "content": "x"})
    assert refused.status == 400, refused
    renamed = await api.call("POST", f"{files}/rename", {"path": "a", "newPath": path})
    assert renamed.status in {400, 404}, renamed
    assert (await api.ok("GET", files))["files"] == []


@pytest.mark.parametrize("name", ["a%3Ab.txt", "a%E2%80%8Bb", "a.", ".git/config", "x%20"])
async def test_a_name_that_agents_cannot_use_is_refused_by_address_too(api: Api, name: str) -> None:
    files = f"/api/projects/{await api.project()}/files"
    refused = await api.call("PUT", URL(f"{files}/{name}", encoded=True), data=b"x")
    assert (refused.status, refused.body["code"]) == (400, "bad_path")
    assert (await api.ok("GET", files))["files"] == []


async def test_a_name_is_one_name_in_every_spelling(api: Api) -> None:
    files = f"/api/projects/{await api.project()}/files"
    nfc, nfd = "caf\u00e9.txt", "cafe\u0301.txt"
    written = await api.ok("PUT", f"{files}/{nfd}", data=b"one")
    assert written["path"] == nfc
    assert await api.ok("GET", f"{files}/{nfc}") == b"one"
    assert await api.ok("GET", f"{files}/{nfd}") == b"one"
    for name in (nfc, nfd):
        made = await api.call("POST", files, {"type": "file", "path": name, "content": "two"})
        assert made.status == 409
    assert len((await api.ok("GET", files))["files"]) == 1
    await api.ok("DELETE", f"{files}/{nfd}")
    assert (await api.ok("GET", files))["files"] == []


BAD_CONTENTS = [
    {},
    {"content": "a", "contentBase64": "YQ=="},
    {"contentBase64": "!"},
    {"content": 1},
]


@pytest.mark.parametrize("body", BAD_CONTENTS, ids=str)
async def test_a_file_has_exactly_one_content(api: Api, body: dict[str, object]) -> None:
    files = f"/api/projects/{await api.project()}/files"
    refused = await api.call("PUT", f"{files}/a.txt", body)
    assert (refused.status, refused.body["code"]) == (400, "invalid_request")


async def test_a_large_file_goes_through(api: Api) -> None:
    files = f"/api/projects/{await api.project()}/files"
    data = b"0123456789abcdef" * 131_072  # 2 MiB: past the limit of other bodies
    await api.ok("PUT", f"{files}/big.txt", data=data)
    assert await api.ok("GET", f"{files}/big.txt") == data


async def test_a_strangers_project_is_as_good_as_none(new_person: NewPerson) -> None:
    owner, stranger = await new_person(), await new_person()
    mine = await owner.project()
    await owner.ok("PUT", f"/api/projects/{mine}/files/a.txt", data=b"secret")
    requests = [
        ("GET", "", None),
        ("PATCH", "", {"name": "taken"}),
        ("DELETE", "", None),
        ("GET", "/files", None),
        ("POST", "/files", {"type": "file", "path": "b.txt"}),
        ("POST", "/files/rename", {"path": "a.txt", "newPath": "b.txt"}),
        ("GET", "/files/a.txt", None),
        ("PUT", "/files/a.txt", {"content": "overwritten"}),
        ("DELETE", "/files/a.txt", None),
        ("GET", "/conversations", None),
        ("POST", "/conversations", {"title": "hi"}),
    ]
    for method, rest, body in requests:
        answers = [
            await stranger.call(method, f"/api/projects/{project}{rest}", body)
            for project in (mine, "k1700000000000000000000000000000")
        ]
        assert [answer.status for answer in answers] == [404, 404], (method, rest, answers)
        assert answers[0].body == answers[1].body, (method, rest)
    assert await owner.ok("GET", f"/api/projects/{mine}/files/a.txt") == b"secret"
    assert (await stranger.ok("GET", "/api/projects"))["projects"] == []


async def test_conversations_are_listed_newest_first(api: Api) -> None:
    project = await api.project()
    path = f"/api/projects/{project}/conversations"
    made = [await api.ok("POST", path, {"title": title}) for title in ("one", "two")]
    listed = (await api.ok("GET", path))["conversations"]
    assert [entry["title"] for entry in listed] == ["two", "one"]
    assert await api.ok("GET", f"/api/conversations/{made[0]['conversationId']}") == made[0]
