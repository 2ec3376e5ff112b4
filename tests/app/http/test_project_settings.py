"""The settings of a project over HTTP: changed field by field, within what the operator allows."""

import pytest

from tests.app.conftest import NewPerson
from tests.support.api_client import Api

pytestmark = pytest.mark.timeout(60)  # the first test of a session starts the product


async def test_settings_are_changed_field_by_field_and_null_takes_one_back(api: Api) -> None:
    project = await api.project()
    path = f"/api/projects/{project}/settings"
    none: dict[str, object] = {"allowedRegistries": []}
    assert await api.ok("GET", path) == none
    changed = await api.ok("PATCH", path, {"toolSet": "ids", "devCommand": "pnpm dev"})
    assert changed == {**none, "toolSet": "ids", "devCommand": "pnpm dev"}
    changed = await api.ok("PATCH", path, {"devCommand": None, "registries": []})
    assert changed == {**none, "toolSet": "ids", "registries": []}
    assert await api.ok("GET", path) == changed
    commands = {"installCommand": "pnpm i"}
    patched = await api.ok("PATCH", f"/api/projects/{project}", {"settings": commands})
    assert patched["settings"] == {"toolSet": "ids", "registries": [], **commands}
    assert await api.ok("PATCH", path, {}) == {**changed, **commands}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"colour": "red"}, "invalid_request"),
        ({"toolSet": "names"}, "invalid_request"),
        ({"devCommand": "x" * 1_001}, "invalid_request"),
        ({"registries": ["npm.example.com"]}, "invalid_request"),
        ({"registries": ["a.example.com:1"] * 51}, "invalid_request"),
        ({"registries": "npm.example.com:443"}, "invalid_request"),
        ({"registries": ["npm.example.com:443"]}, "registry_not_allowed"),
        ({"toolSet": "ids\u0000"}, "invalid_request"),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_what_is_no_setting_is_refused(api: Api, body: object, code: str) -> None:
    path = f"/api/projects/{await api.project()}/settings"
    refused = await api.call("PATCH", path, body)
    assert (refused.status, refused.body["code"]) == (400, code)
    assert await api.ok("GET", path) == {"allowedRegistries": []}


async def test_only_the_owner_sees_and_changes_them(new_person: NewPerson) -> None:
    owner, stranger = await new_person(), await new_person()
    path = f"/api/projects/{await owner.project()}/settings"
    assert (await stranger.call("GET", path)).status == 404
    for body in ({"toolSet": "ids"}, {"registries": ["npm.example.com:443"]}):
        assert (await stranger.call("PATCH", path, body)).status == 404
    assert await owner.ok("GET", path) == {"allowedRegistries": []}
