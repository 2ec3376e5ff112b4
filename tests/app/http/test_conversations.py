"""Conversations over HTTP."""

import pytest

from tests.support.api_client import Api

pytestmark = pytest.mark.timeout(60)  # the first test of a session starts the product


async def test_conversations_are_listed_newest_first(api: Api) -> None:
    project = await api.project()
    path = f"/api/projects/{project}/conversations"
    made = [await api.ok("POST", path, {"title": title}) for title in ("one", "two")]
    listed = (await api.ok("GET", path))["conversations"]
    assert [entry["title"] for entry in listed] == ["two", "one"]
    assert await api.ok("GET", f"/api/conversations/{made[0]['conversationId']}") == made[0]
