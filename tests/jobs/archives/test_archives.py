"""Archives become projects, and projects archives; the bad ones are refused in words."""

import io
import stat
import tarfile
import zipfile
from collections.abc import AsyncIterator, Callable
from typing import Literal

import pytest

from core.ids import ProjectId
from jobs.archives.packing import packed
from jobs.events import engine_event
from jobs.github.accounts import ImportLimits
from store.records import Transfer
from tests.jobs.github.site import Site
from tests.support.github import odd_files

pytestmark = pytest.mark.timeout(120)

Make = Callable[[list[tuple[str, bytes, int]]], bytes]
FILE = stat.S_IFREG | 0o644
PROGRAM = stat.S_IFREG | 0o755
LINK = stat.S_IFLNK | 0o777


def zipped(files: list[tuple[str, bytes, int]]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content, mode in files:
            info = zipfile.ZipInfo(name)
            info.create_system = 3
            info.external_attr = mode << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, content)
    return data.getvalue()


def tarred(files: list[tuple[str, bytes, int]]) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as archive:
        for name, content, mode in files:
            info = tarfile.TarInfo(name)
            info.mode = stat.S_IMODE(mode)
            if stat.S_ISLNK(mode):
                info.type, info.linkname = tarfile.SYMTYPE, content.decode()
                archive.addfile(info)
            else:
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    return data.getvalue()


async def imported(site: Site, data: bytes) -> tuple[ProjectId, Transfer]:
    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(data), 100_000):
            yield data[start : start + 100_000]

    site.work().folder.mkdir(parents=True, exist_ok=True)
    async with site.worker() as engine:
        asked = await site.store.transfers.request_import(
            owner=site.owner,
            name="archive",
            event="archive/import.requested",
            data={},
            storage_id=await site.store.transfers.keep_archive(chunks()),
        )
        for event in asked.events:
            await engine.send(engine_event(event))
        project_id = asked.project.project_id
        return project_id, await site.ended(project_id)


@pytest.mark.parametrize("make", [zipped, tarred])
async def test_an_archive_becomes_a_project_byte_for_byte(site: Site, make: Make) -> None:
    modes = {"100644": FILE, "100755": PROGRAM, "120000": LINK}
    files = [(file.path.decode(), file.data, modes[file.mode]) for file in odd_files()]
    project_id, ended = await imported(site, make(files))
    assert (ended.status, ended.error, ended.skipped) == ("completed", None, ())
    found = await site.files(project_id)
    kinds = {FILE: None, PROGRAM: "executable", LINK: "symlink"}
    assert {path: (it.data, it.entry.mode) for path, it in found.items()} == {
        name: (data, kinds[mode]) for name, data, mode in files
    }


@pytest.mark.parametrize("make", [zipped, tarred])
async def test_the_folder_around_everything_is_left_away(site: Site, make: Make) -> None:
    project_id, _ = await imported(
        site, make([("repo-abc/a.txt", b"a", FILE), ("repo-abc/src/b.txt", b"b", FILE)])
    )
    assert set(await site.files(project_id)) == {"a.txt", "src/b.txt"}


BAD = [
    ("../up.txt", b"x", FILE, "leaves the project"),
    ("a/../../up.txt", b"x", FILE, "leaves the project"),
    ("/etc/passwd", b"x", FILE, "not relative"),
    (".git/config", b"x", FILE, "'.git'"),
    ("sub/.GIT/hooks/post-checkout", b"x", PROGRAM, "'.GIT'"),
    ("n" * 4_000, b"x", FILE, "longer than"),
    ("back\\slash", b"x", FILE, "backslash"),
    ("c:/windows", b"x", FILE, "not relative"),
    ("FINE.txt", b"x", FILE, "only in case"),
    ("fine.txt/below", b"x", FILE, "is a file, not a folder"),
    ("out", b"../../../etc/passwd", LINK, "leads out of the project"),
    ("absolute", b"/etc/passwd", LINK, "leads out of the project"),
    ("big", b"0" * 20_001, FILE, "a file may have 20 kB"),
]


@pytest.mark.parametrize("make", [zipped, tarred])
async def test_what_must_not_come_in_is_skipped_and_said(site: Site, make: Make) -> None:
    site.limits = ImportLimits(file_bytes=20_000)
    files = [("fine.txt", b"fine", FILE), *[(name, data, mode) for name, data, mode, _ in BAD]]
    project_id, ended = await imported(site, make(files))
    assert ended.status == "completed", ended
    assert set(await site.files(project_id)) == {"fine.txt"}
    assert ended.skipped_count == len(BAD)
    for (name, _, _, words), line in zip(BAD, ended.skipped or (), strict=True):
        assert line.path[:20] == name[:20]
        assert words in line.reason, line


async def test_devices_and_hard_links_of_a_tar_are_skipped(site: Site) -> None:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("fine"))
        for name, kind in (("dev", tarfile.CHRTYPE), ("pipe", tarfile.FIFOTYPE)):
            info = tarfile.TarInfo(name)
            info.type = kind
            archive.addfile(info)
        hard = tarfile.TarInfo("hard")
        hard.type, hard.linkname = tarfile.LNKTYPE, "/etc/passwd"
        archive.addfile(hard)
    project_id, ended = await imported(site, data.getvalue())
    assert set(await site.files(project_id)) == {"fine"}
    assert [line.path for line in ended.skipped or ()] == ["dev", "pipe", "hard"]


REFUSED = [
    (b"", "bad_archive"),
    (b"not an archive", "bad_archive"),
    (b"PK\x03\x04 broken", "bad_archive"),
    (tarred([("a", b"a" * 50_000, FILE)])[:60], "bad_archive"),
    (zipped([]), "bad_archive"),
    (zipped([("../a", b"a", FILE)]), "bad_archive"),
    (zipped([(f"z{i}", b"\0" * 3_000_000, FILE) for i in range(8)]), "too_large"),
    (tarred([(f"z{i}", b"\0" * 3_000_000, FILE) for i in range(8)]), "too_large"),
    (zipped([(f"f{i}", b"", FILE) for i in range(60)]), "too_large"),
]


@pytest.mark.parametrize(("data", "code"), REFUSED, ids=[str(i) for i in range(len(REFUSED))])
async def test_what_is_no_archive_or_a_bomb_fails_and_leaves_nothing(
    site: Site, data: bytes, code: str
) -> None:
    site.limits = ImportLimits(files=50, total_bytes=10_000_000, file_bytes=5_000_000)
    project_id, ended = await imported(site, data)
    assert (ended.status, ended.error_code) == ("failed", code), ended
    assert ended.error
    await site.emptied(project_id)


def lying() -> bytes:
    """A zip whose one file says that it has 10 bytes, and has 3 MB."""
    data = bytearray(zipped([("fine", b"fine", FILE), ("liar", b"\0" * 3_000_000, FILE)]))
    said = (3_000_000).to_bytes(4, "little")
    while (at := data.find(said)) >= 0:
        data[at : at + 4] = (10).to_bytes(4, "little")
    return bytes(data)


async def test_a_file_that_lies_about_its_size_is_left_out(site: Site) -> None:
    project_id, ended = await imported(site, lying())
    assert (ended.status, set(await site.files(project_id))) == ("completed", {"fine"})
    assert [line.path for line in ended.skipped or ()] == ["liar"]


async def test_a_file_that_is_packed_a_thousandfold_ends_the_import(site: Site) -> None:
    bomb = zipped([("fine", b"fine", FILE), ("bomb", b"\0" * 12_000_000, FILE)])
    project_id, ended = await imported(site, bomb)
    assert (ended.status, ended.error_code) == ("failed", "bad_archive")
    assert "packed a thousandfold" in (ended.error or "")
    await site.emptied(project_id)


@pytest.mark.parametrize("form", ["zip", "tar.gz"])
async def test_a_project_becomes_the_same_archive_each_time(
    site: Site, form: Literal["zip", "tar.gz"]
) -> None:
    site.github.repositories.make("octo/odd")
    site.github.repositories.commit("octo/odd", odd_files())
    project_id, _ = await site.imported("octo/odd")
    first, second = [
        b"".join(
            [part async for part in packed(site.store, project_id, owner=site.owner, form=form)]
        )
        for _ in range(2)
    ]
    assert first == second
    again, ended = await imported(site, first)
    assert (ended.status, ended.skipped_count) == ("completed", 0)
    before, after = await site.files(project_id), await site.files(again)
    assert {path: (it.data, it.entry.mode) for path, it in after.items()} == {
        path: (it.data, it.entry.mode) for path, it in before.items()
    }
