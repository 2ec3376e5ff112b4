"""Projects over HTTP: made, listed, changed, deleted; a stranger's is as good as none."""

import pytest

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


async def test_a_deletion_is_taken_back(new_person: NewPerson) -> None:
    api, stranger = await new_person(), await new_person()
    path = f"/api/projects/{await api.project('shop')}"
    await api.ok("PUT", f"{path}/files/a.txt", {"content": "a"})
    before = await api.ok("GET", path)
    await api.ok("DELETE", path)
    refused = await stranger.call("POST", f"{path}/restore")
    assert (refused.status, refused.body["code"]) == (404, "not_found")
    assert await api.ok("POST", f"{path}/restore") == before
    assert await api.ok("GET", path) == before
    assert await api.ok("GET", f"{path}/files/a.txt") == b"a"


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
