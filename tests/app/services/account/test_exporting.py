"""An export is read some at a time, however large the account is."""

import asyncio
import secrets

import pytest

from app.services.account.exporting import Exporting
from core.clock import SystemClock
from core.ids import OwnerId
from jobs.archives.packing import packed_entries
from store import Store

pytestmark = pytest.mark.timeout(60)

FILE_BYTES = 1_500_000
FILES = 8
AT_ONCE_BYTES = 4_500_000


async def test_a_large_account_is_in_memory_by_parts(store: Store, owner: OwnerId) -> None:
    for name in ("one", "two"):
        project = await store.projects.create(owner=owner, name=name)
        files = {f"{number}.bin": secrets.token_bytes(FILE_BYTES) for number in range(FILES // 2)}
        await store.files.write_many(project.project_id, files, owner=owner)
    exporting = Exporting(store, SystemClock())
    sizes = [sum(len(entry.data) for entry in entries) async for entries in exporting.files(owner)]
    assert sum(sizes) > FILES * FILE_BYTES
    assert max(sizes) <= AT_ONCE_BYTES
    pieces = [len(piece) async for piece in packed_entries(exporting.files(owner), form="tar.gz")]
    assert max(pieces) <= AT_ONCE_BYTES * 1.1


async def test_what_is_deleted_meanwhile_is_left_out(store: Store, owner: OwnerId) -> None:
    goes = await store.projects.create(owner=owner, name="goes")
    await asyncio.sleep(0.002)  # the list is by the millisecond of the last change
    stays = await store.projects.create(owner=owner, name="stays")
    names: list[str] = []
    async for entries in Exporting(store, SystemClock()).files(owner):
        names += [entry.path for entry in entries]
        if names[-1].endswith(f"{stays.project_id}/project.json"):
            await store.projects.delete(goes.project_id, owner=owner)
    assert [name for name in names if goes.project_id in name][1:] == []
    assert any(stays.project_id in name for name in names)
