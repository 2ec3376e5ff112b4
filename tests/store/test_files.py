import hashlib

import pytest

from core.errors import Conflict, NotFound, Refused
from core.ids import OwnerId, ProjectId
from store import FileChanged, Store


@pytest.fixture
async def project_id(store: Store, owner: OwnerId) -> ProjectId:
    return (await store.projects.create(owner=owner, name="Files")).project_id


CONTENTS = {
    "text": b"hello\n",
    "nothing": b"",
    "unicode": "größe 😀\r\n".encode(),
    "bytes": bytes(range(256)),
    "nul": b"a\0b",
    "large text": b"0123456789" * 40_000,
    "large bytes": b"\xff" * 3_000_000,
}


@pytest.mark.parametrize("data", CONTENTS.values(), ids=list(CONTENTS))
async def test_a_file_comes_back_as_it_was(
    store: Store, owner: OwnerId, project_id: ProjectId, data: bytes
):
    entry = await store.files.write(project_id, "dir/file", data, owner=owner)
    content = await store.files.read(project_id, "dir/file", owner=owner)
    assert content.data == data
    assert content.entry == entry
    assert (entry.size_bytes, entry.sha256) == (len(data), hashlib.sha256(data).hexdigest())


async def test_a_write_on_other_content_is_refused(
    store: Store, owner: OwnerId, project_id: ProjectId
):
    first = await store.files.write(project_id, "a", b"1", owner=owner, expected_sha256="")
    await store.files.write(project_id, "a", b"2", owner=owner, expected_sha256=first.sha256)
    with pytest.raises(FileChanged):
        await store.files.write(project_id, "a", b"3", owner=owner, expected_sha256=first.sha256)


async def test_many_files_of_all_sizes_go_and_come_in_batches(
    store: Store, owner: OwnerId, project_id: ProjectId
):
    files = {f"d{i % 7}/f{i}": f"text {i}".encode() * (i % 5) for i in range(250)}
    files |= {f"big{i}": b"x" * 200_000 for i in range(30)}
    files["blob"] = b"\0\1\2"
    assert await store.files.write_many(project_id, files, owner=owner) == len(files)
    paths = [entry.path async for entry in store.files.walk(project_id, owner=owner)]
    assert paths == sorted([*files, *(f"d{i}" for i in range(7))])
    contents = await store.files.read_many(project_id, ["missing", *files, "d1"], owner=owner)
    assert {content.entry.path: content.data for content in contents} == files


async def test_a_folder_is_deleted_with_what_is_in_it(
    store: Store, owner: OwnerId, project_id: ProjectId
):
    await store.files.write_many(project_id, {f"d/f{i}": b"x" for i in range(600)}, owner=owner)
    await store.files.write(project_id, "stays", b"1", owner=owner)
    assert await store.files.delete(project_id, "d", owner=owner)
    assert not await store.files.delete(project_id, "d", owner=owner)
    page = await store.files.list(project_id, owner=owner)
    assert [entry.path for entry in page.items] == ["stays"]


async def _catch_up(
    store: Store, owner: OwnerId, project_id: ProjectId, known: set[str], since: int
) -> int:
    """Make `known` the paths that stand now, reading only what changed where that is possible."""
    while True:
        page = await store.files.changes(project_id, owner=owner, since=since, limit=2)
        if page.is_full:
            known.clear()
            known.update([e.path async for e in store.files.walk(project_id, owner=owner)])
        known.difference_update(page.deleted)
        known.update(entry.path for entry in page.changed)
        since = page.version
        if not page.has_more:
            return since


async def test_a_reader_that_follows_changes_ends_with_the_same_files(
    store: Store, owner: OwnerId, project_id: ProjectId
):
    known: set[str] = set()
    await store.files.write_many(project_id, {f"s/f{i}": b"1" for i in range(9)}, owner=owner)
    version = await _catch_up(store, owner, project_id, known, 0)
    assert len(known) == 10
    await store.files.delete(project_id, "s/f3", owner=owner)
    await store.files.rename(project_id, "s", "t", owner=owner)
    await store.files.write(project_id, "s", b"now a file", owner=owner)
    later = await _catch_up(store, owner, project_id, known, version)
    assert known == {entry.path async for entry in store.files.walk(project_id, owner=owner)}
    assert later == (await store.projects.owned(project_id, owner=owner)).files_version


async def test_what_stands_in_the_way_is_said(store: Store, owner: OwnerId, project_id: ProjectId):
    folder = await store.files.make_folder(project_id, "a/b", owner=owner)
    assert (folder.kind, folder.path) == ("folder", "a/b")
    assert await store.files.make_folder(project_id, "a/b", owner=owner) == folder
    with pytest.raises(Conflict):
        await store.files.write(project_id, "a", b"1", owner=owner)
    with pytest.raises(Conflict):
        await store.files.read(project_id, "a", owner=owner)
    with pytest.raises(NotFound, match="File not found"):
        await store.files.read(project_id, "c", owner=owner)
    with pytest.raises(Refused):
        await store.files.write(project_id, "../c", b"1", owner=owner)
    with pytest.raises(NotFound, match="Project not found"):
        await store.files.stat(project_id, "a", owner=OwnerId("stranger"))


NFC, NFD = "r\u00e9sum\u00e9", "re\u0301sume\u0301"


async def test_a_name_is_one_name_in_every_spelling(
    store: Store, owner: OwnerId, project_id: ProjectId
):
    written = await store.files.write(project_id, f"{NFD}/{NFD}.txt", b"1", owner=owner)
    assert (written.path, written.name) == (f"{NFC}/{NFC}.txt", f"{NFC}.txt")
    for path in (f"{NFC}/{NFC}.txt", f"{NFD}/{NFD}.txt", f"{NFC}/{NFD}.txt"):
        assert (await store.files.read(project_id, path, owner=owner)).data == b"1"
        with pytest.raises(FileChanged):
            await store.files.write(project_id, path, b"2", owner=owner, expected_sha256="")
    await store.files.rename(project_id, NFD, f"{NFD}2", owner=owner)
    paths = [entry.path async for entry in store.files.walk(project_id, owner=owner)]
    assert paths == [f"{NFC}2", f"{NFC}2/{NFC}.txt"]
    assert await store.files.delete(project_id, f"{NFD}2", owner=owner)


async def test_an_import_that_holds_both_spellings_says_so_and_writes_nothing(
    store: Store, owner: OwnerId, project_id: ProjectId
):
    files = {f"f{i}": b"x" for i in range(150)} | {f"{NFC}.txt": b"1", f"{NFD}.txt": b"2"}
    with pytest.raises(Conflict, match="two spellings") as refused:
        await store.files.write_many(project_id, files, owner=owner)
    assert refused.value.code == "same_name"
    assert [entry async for entry in store.files.walk(project_id, owner=owner)] == []
