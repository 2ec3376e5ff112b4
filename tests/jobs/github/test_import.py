"""Repositories become projects, byte for byte; what cannot come in is said."""

import pytest

from jobs.github.accounts import ImportLimits
from tests.jobs.github.site import Site
from tests.support.github import File, odd_files
from tests.support.github.server import Fault

pytestmark = pytest.mark.timeout(120)

MODES = {"100644": None, "100755": "executable", "120000": "symlink"}


async def test_every_odd_file_comes_in_byte_for_byte(site: Site) -> None:
    site.github.repositories.make("octo/odd", branch="trunk")
    files = odd_files()
    commit = site.github.repositories.commit("octo/odd", files, branch="trunk")
    project_id, ended = await site.imported("octo/odd")
    assert (ended.status, ended.error) == ("completed", None)
    assert (ended.done, ended.total, ended.skipped_count) == (len(files), len(files), 0)
    assert (ended.branch, ended.commit) == ("trunk", commit)
    assert ended.repo_url == f"{site.github.url}/octo/odd"
    found = await site.files(project_id)
    assert {path: (it.data, it.entry.mode) for path, it in found.items()} == {
        file.path.decode(): (file.data, MODES[file.mode]) for file in files
    }
    assert [line.path for line in ended.notes or ()] == ["asset.psd"]
    project = await site.store.projects.owned(project_id, owner=site.owner)
    assert project.import_status == "completed"
    assert len([each for each in site.github.asked if "/api/v3/" in each]) <= 5


async def test_what_a_project_cannot_hold_is_skipped_and_said(site: Site) -> None:
    site.limits = ImportLimits(file_bytes=1_000)
    site.github.repositories.make("octo/bad")
    files = [
        File(b"fine.txt", b"fine\n"),
        File(b"big.bin", b"x" * 1_001),
        File(b"out", b"../../etc/passwd", "120000"),
        File(b"absolute", b"/etc/passwd", "120000"),
        File(b"Readme.md", b"1\n"),
        File(b"readme.md", b"2\n"),
        File("e\u0301.txt".encode(), b"decomposed\n"),
        File("\u00e9.txt".encode(), b"composed\n"),
        File(b"latin-\xe9.txt", b"name\n"),
        File(b"ab:c", b"colon\n"),
        File(b"vendor/lib", b"1" * 40, "160000"),
    ]
    site.github.repositories.commit("octo/bad", files)
    project_id, ended = await site.imported("octo/bad")
    assert ended.status == "completed"
    assert set(await site.files(project_id)) == {"fine.txt", "Readme.md", "\u00e9.txt"}
    said = {line.path: line.reason for line in ended.skipped or ()}
    assert ended.skipped_count == len(said) == 8
    assert "a file may have 1 kB" in said["big.bin"]
    assert "leads out of the project" in said["out"]
    assert "leads out of the project" in said["absolute"]
    assert "only in case" in said["readme.md"]
    assert "submodule" in said["vendor/lib"]
    assert "colon" in said["ab:c"]
    assert "NFC and NFD" in said["\u00e9.txt"]
    assert "not UTF-8" in said["latin-\ufffd.txt"]


async def test_a_branch_with_slashes_and_a_folder_are_told_apart(site: Site) -> None:
    repositories = site.github.repositories
    repositories.make("octo/parts")
    repositories.commit("octo/parts", [File(b"main.txt", b"m\n")])
    on_branch = [File(b"src/app/x.ts", b"x\n"), File(b"src/y.ts", b"y\n")]
    repositories.commit("octo/parts", on_branch, branch="fix/it")
    project_id, ended = await site.imported("octo/parts", below="fix/it/src/app")
    assert (ended.status, ended.branch) == ("completed", "fix/it")
    assert set(await site.files(project_id)) == {"x.ts"}
    whole, _ = await site.imported("octo/parts", ref="fix/it")
    assert set(await site.files(whole)) == {"src/app/x.ts", "src/y.ts"}
    inside, _ = await site.imported("octo/parts", ref="fix/it", folder="src")
    assert set(await site.files(inside)) == {"app/x.ts", "y.ts"}


async def test_a_private_repository_needs_the_persons_token(site: Site) -> None:
    site.github.repositories.make("octo/secret", private=True)
    site.github.repositories.commit("octo/secret", [File(b"a", b"a\n")])
    project_id, ended = await site.imported("octo/secret")
    assert (ended.status, set(await site.files(project_id))) == ("completed", {"a"})
    site.token = None
    _, refused = await site.imported("octo/secret")
    assert (refused.status, refused.error_code) == ("failed", "repository_not_found")
    assert "GitHub not connected" in (refused.error or "")


async def test_failures_are_told_in_words_and_leave_no_file(site: Site) -> None:
    site.github.repositories.make("octo/empty")
    site.github.repositories.make("octo/full")
    site.github.repositories.commit("octo/full", [File(b"%d" % i, b"x" * 100) for i in range(20)])
    failures: list[tuple[str, dict[str, str], str, str]] = [
        ("octo/none", {}, "repository_not_found", "was not found on GitHub"),
        ("octo/empty", {}, "empty_repository", "is empty"),
        ("octo/full", {"ref": "nope"}, "no_such_branch", "'nope'"),
        ("octo/full", {"folder": "nope"}, "no_such_folder", "'nope'"),
    ]
    for repository, more, code, words in failures:
        project_id, ended = await site.imported(repository, **more)
        assert (ended.status, ended.error_code) == ("failed", code), ended
        assert words in (ended.error or "")
        await site.emptied(project_id)
    site.limits = ImportLimits(files=19)
    _, ended = await site.imported("octo/full")
    assert (ended.error_code, "20 files" in (ended.error or "")) == ("too_large", True)
    site.limits = ImportLimits(total_bytes=1_999)
    _, ended = await site.imported("octo/full")
    assert ended.error_code == "too_large"


async def test_a_revoked_token_is_told(site: Site) -> None:
    site.github.repositories.make("octo/a")
    site.github.users.clear()
    _, ended = await site.imported("octo/a")
    assert (ended.error_code, "GitHub not connected" in (ended.error or "")) == (
        "github_unauthorized",
        True,
    )


async def test_a_short_rate_limit_is_slept_through(site: Site) -> None:
    site.github.repositories.make("octo/a")
    site.github.repositories.commit("octo/a", [File(b"a", b"a\n")])
    headers = {"Retry-After": "1"}
    body = {"message": "You have exceeded a secondary rate limit."}
    site.github.faults.append(Fault("GET /api/v3/repos/octo/a", 403, body, headers))
    async with site.worker() as engine:
        project_id = await site.ask_import(engine, "octo/a")
        waiting = await site.transfer_once(project_id, lambda it: it.phase == "waiting")
        assert waiting.waiting_until is not None
        ended = await site.ended(project_id)
    assert (ended.status, ended.waiting_until) == ("completed", None)


async def test_a_long_rate_limit_is_told_with_its_end(site: Site) -> None:
    site.github.repositories.make("octo/a")
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "4102444800"}
    body = {"message": "API rate limit exceeded"}
    site.github.faults.append(Fault("/repos/octo/a", 403, body, headers))
    _, ended = await site.imported("octo/a")
    assert ended.error_code == "rate_limited"
    assert "until 2100-01-01 00:00 UTC" in (ended.error or "")


async def test_a_fault_of_githubs_own_passes(site: Site) -> None:
    site.github.repositories.make("octo/a")
    site.github.repositories.commit("octo/a", [File(b"a", b"a\n")])
    body = {"message": "Server Error"}
    site.github.faults.append(Fault("/api/v3/repos/octo/a", 502, body))
    site.github.faults.append(Fault("/octo/a.git/", 500, body))
    _, ended = await site.imported("octo/a")
    assert ended.status == "completed"
