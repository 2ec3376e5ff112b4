"""MCP in the store: named servers, the token of a project, and what calls with it change."""

import pytest

from core.errors import NotFound, Refused
from core.ids import OwnerId, ToolCallId, new_id
from store import Store
from store.errors import FileChanged
from store.mcp import McpTokenGone
from store.records import DeletedFile, McpHolder, McpServer, NewFolder, RenamedFile, WrittenFile

CALL = ToolCallId("call-1")


async def test_servers_are_replaced_as_a_whole_and_kept_in_order(
    store: Store, owner: OwnerId
) -> None:
    project = (await store.projects.create(owner=owner, name="P")).project_id
    assert await store.mcp.servers(project, owner=owner) == ()
    servers = (
        McpServer("b", command="python", args=("server.py",), env={"A": "sealed"}),
        McpServer("a", url="https://example.com/mcp", headers={"X-Key": "sealed"}),
    )
    await store.mcp.set_servers(project, servers, owner=owner)
    assert await store.mcp.servers(project, owner=owner) == servers
    await store.mcp.set_servers(project, servers[1:], owner=owner)
    assert await store.mcp.servers(project, owner=owner) == servers[1:]


async def test_servers_have_a_bound(store: Store, owner: OwnerId) -> None:
    project = (await store.projects.create(owner=owner, name="P")).project_id
    many = [McpServer(f"s{number}", command="x") for number in range(11)]
    long = [McpServer("s", command="x", env={"A": "y" * 200_000})]
    for servers in (many, long):
        with pytest.raises(Refused):
            await store.mcp.set_servers(project, servers, owner=owner)
    stranger = OwnerId(new_id("user"))
    with pytest.raises(NotFound):
        await store.mcp.set_servers(project, [], owner=stranger)


async def test_a_token_is_of_one_project_until_the_next(store: Store, owner: OwnerId) -> None:
    project = (await store.projects.create(owner=owner, name="P")).project_id
    first, second = new_id("hash"), new_id("hash")
    await store.mcp.set_token(project, first, owner=owner)
    await store.mcp.set_token(project, first, owner=owner)  # sent twice
    assert await store.mcp.holder(first) == McpHolder(project, owner)
    await store.mcp.set_token(project, second, owner=owner)
    assert await store.mcp.holder(first) is None
    await store.mcp.drop_token(project, owner=owner)
    assert await store.mcp.holder(second) is None
    with pytest.raises(NotFound):
        await store.mcp.set_token(project, first, owner=OwnerId(new_id("user")))


async def test_changes_are_made_all_or_none_and_once(store: Store, owner: OwnerId) -> None:
    project = (await store.projects.create(owner=owner, name="P")).project_id
    token = new_id("hash")
    await store.mcp.set_token(project, token, owner=owner)
    await store.files.write(project, "a.txt", b"a", owner=owner)
    edits = [
        WrittenFile("b.txt", b"b", ""),
        RenamedFile("b.txt", "c.txt"),
        NewFolder("d"),
        DeletedFile("a.txt"),
    ]
    for _ in range(2):  # a write whose answer was lost is sent again
        await store.mcp.apply_changes(token, CALL, edits)
    paths = [entry.path async for entry in store.files.walk(project, owner=owner)]
    assert paths == ["c.txt", "d"]

    stale = [WrittenFile("e.txt", b"e", ""), WrittenFile("c.txt", b"x", "0" * 64)]
    with pytest.raises(FileChanged):
        await store.mcp.apply_changes(token, ToolCallId("call-2"), stale)
    paths = [entry.path async for entry in store.files.walk(project, owner=owner)]
    assert paths == ["c.txt", "d"]


async def test_a_token_that_is_gone_changes_nothing(store: Store, owner: OwnerId) -> None:
    project = (await store.projects.create(owner=owner, name="P")).project_id
    token = new_id("hash")
    await store.mcp.set_token(project, token, owner=owner)
    await store.mcp.drop_token(project, owner=owner)
    with pytest.raises(McpTokenGone):
        await store.mcp.apply_changes(token, CALL, [NewFolder("d")])
    await store.mcp.set_token(project, token, owner=owner)
    await store.projects.delete(project, owner=owner)
    with pytest.raises(McpTokenGone):
        await store.mcp.apply_changes(token, CALL, [NewFolder("d")])
