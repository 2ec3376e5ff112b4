"""Files over HTTP: written, read, moved and removed, as text and as bytes."""

import base64
import hashlib

import pytest
from yarl import URL

from tests.support.api_client import Api

pytestmark = pytest.mark.timeout(60)  # the first test of a session starts the product


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


async def test_a_file_is_executable_where_that_is_said_and_stays_so(api: Api) -> None:
    files = f"/api/projects/{await api.project()}/files"
    file = {"type": "file", "path": "run.sh", "content": "1", "executable": True}
    assert (await api.ok("POST", files, file))["executable"] is True
    assert (await api.ok("PUT", f"{files}/run.sh", data=b"2"))["executable"] is True
    plain = await api.ok("PUT", f"{files}/run.sh?executable=false", data=b"2")
    assert "executable" not in plain
    again = {"content": "2", "executable": True}
    assert (await api.ok("PUT", f"{files}/run.sh?executable=false", again))["executable"] is True
    (listed,) = (await api.ok("GET", files))["files"]
    assert (listed["executable"], listed.get("symlink")) == (True, None)
    read = await api.ok("GET", f"{files}/run.sh", headers={"Accept": "application/json"})
    assert (read["executable"], read["content"]) == (True, "2")
    folder = {"type": "folder", "path": "bin", "executable": True}
    refused = await api.call("POST", files, folder)
    assert (refused.status, refused.body["code"]) == (400, "invalid_request")


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
