"""Projects become commits: the same tree as came in, on top of what others have pushed."""

from pathlib import Path

import pytest

from tests.jobs.github.site import Site
from tests.support.github import File, odd_files
from tests.support.github.server import Fault

pytestmark = pytest.mark.timeout(120)

NEW = {"mayCreate": True, "mustCreate": True}


async def test_import_then_export_gives_the_same_tree(site: Site) -> None:
    repositories = site.github.repositories
    repositories.make("octo/odd")
    repositories.commit("octo/odd", odd_files())
    project_id, _ = await site.imported("octo/odd")
    ended = await site.exported(project_id, "copy", **NEW)
    assert (ended.status, ended.error) == ("completed", None)
    assert ended.repo_url == f"{site.github.url}/octo/copy"
    assert repositories.tree("octo/copy") == repositories.tree("octo/odd")
    assert ended.commit == repositories.head("octo/copy")
    assert "octo/copy" in repositories.private
    repositories.git("octo/copy", "fsck", "--strict")
    project = await site.store.projects.owned(project_id, owner=site.owner)
    assert (project.export_status, project.export_repo_url) == ("completed", ended.repo_url)
    assert len([each for each in site.github.asked if "/api/v3/" in each]) <= 8


async def test_what_a_project_cannot_hold_stays_in_the_repository(site: Site) -> None:
    repositories = site.github.repositories
    repositories.make("octo/bad")
    files = [
        File(b"fine.txt", b"fine\n"),
        File(b"gone.txt", b"gone\n"),
        File(b"out", b"../../etc/passwd", "120000"),
        File(b"readme.md", b"2\n"),
        File(b"Readme.md", b"1\n"),
        File("e\u0301.txt".encode(), b"decomposed\n"),
        File(b'latin-\xe9"\\.txt', b"name\n"),
        File(b"vendor/lib", b"1" * 40, "160000"),
    ]
    first = repositories.commit("octo/bad", files)
    tree = repositories.tree("octo/bad")
    project_id, _ = await site.imported("octo/bad")
    same = await site.exported(project_id, "octo/bad")
    assert (same.status, same.commit, repositories.head("octo/bad")) == ("completed", first, first)
    await site.store.files.write(project_id, "fine.txt", b"finer\n", owner=site.owner)
    await site.store.files.delete(project_id, "gone.txt", owner=site.owner)
    changed = await site.exported(project_id, "octo/bad")
    assert changed.status == "completed"
    lines = repositories.git("octo/bad", "diff", "--name-status", tree, "main").splitlines()
    assert lines == ["M\tfine.txt", "D\tgone.txt"]
    assert repositories.git("octo/bad", "rev-parse", "main^") == first


async def test_what_others_have_pushed_is_kept_as_history(site: Site) -> None:
    repositories = site.github.repositories
    repositories.make("octo/a")
    repositories.commit("octo/a", [File(b"a", b"a\n")])
    project_id, _ = await site.imported("octo/a")
    theirs = repositories.commit("octo/a", [File(b"a", b"a\n"), File(b"b", b"b\n")])
    await site.store.files.write(project_id, "c", b"c\n", owner=site.owner)
    ended = await site.exported(project_id, "octo/a")
    assert ended.status == "completed"
    assert repositories.git("octo/a", "rev-parse", "main^") == theirs
    author, message = repositories.git("octo/a", "log", "-1", "--format=%an%n%s").splitlines()
    assert (author, message) == ("Polaris", "From Polaris")


async def test_a_project_goes_back_to_the_branch_that_it_came_from(working: Site) -> None:
    repositories = working.github.repositories
    repositories.make("octo/a")
    main = repositories.commit("octo/a", [File(b"a", b"a\n")])
    dev = repositories.commit("octo/a", [File(b"a", b"dev\n")], branch="dev")
    project_id, _ = await working.imported("octo/a", ref="dev")
    await working.write(project_id, "a", "mine\n")
    ended = await working.exported(project_id, "octo/a")
    assert (ended.status, ended.commit) == ("completed", repositories.head("octo/a", "dev"))
    assert repositories.git("octo/a", "rev-parse", "dev^") == dev
    assert repositories.head("octo/a") == main
    repositories.git("octo/a", "branch", "-D", "dev")
    await working.write(project_id, "a", "later\n")
    ended = await working.exported(project_id, "octo/a")  # that branch is gone: the default one
    assert (ended.status, ended.commit) == ("completed", repositories.head("octo/a"))
    assert repositories.git("octo/a", "rev-parse", "main^") == main


async def test_an_export_over_what_was_not_pulled_says_so(working: Site) -> None:
    repositories = working.github.repositories
    repositories.make("octo/a")
    repositories.commit("octo/a", [File(b"a", b"a\n")])
    project_id, _ = await working.imported("octo/a")
    await working.write(project_id, "a", "mine\n")
    plain = await working.exported(project_id, "octo/a")
    assert (plain.status, plain.notes) == ("completed", None)
    repositories.commit("octo/a", [File(b"a", b"theirs\n")])
    over = await working.exported(project_id, "octo/a")
    told = {line.path: line.reason for line in over.notes or ()}
    assert "pull before you export" in told["main"]


async def test_a_project_goes_to_an_organisation_where_it_may_be_made(site: Site) -> None:
    project_id = (await site.store.projects.create(owner=site.owner, name="P")).project_id
    await site.store.files.write(project_id, "a", b"a\n", owner=site.owner)
    site.github.organizations.add("corp")
    refused = await site.exported(project_id, "corp/a")
    assert (refused.status, refused.error_code) == ("failed", "repository_not_found")
    assert "Set createIfNotExists to true" in (refused.error or "")
    made = await site.exported(project_id, "corp/a", mayCreate=True, isPrivate=False)
    assert made.status == "completed"
    assert "corp/a" not in site.github.repositories.private
    nowhere = await site.exported(project_id, "strangers/a", mayCreate=True)
    assert nowhere.error_code == "no_access"


async def test_a_name_that_is_taken_is_refused_and_a_half_made_one_is_continued(
    site: Site,
) -> None:
    repositories = site.github.repositories
    project_id = (await site.store.projects.create(owner=site.owner, name="P")).project_id
    empty = await site.exported(project_id, "taken", **NEW)
    assert (empty.error_code, repositories.exists("octo/taken")) == ("nothing_to_export", False)
    await site.store.files.write(project_id, "a", b"a\n", owner=site.owner)
    repositories.make("octo/taken")
    kept = repositories.commit("octo/taken", [File(b"theirs", b"x\n")])
    taken = await site.exported(project_id, "taken", **NEW)
    assert (taken.error_code, repositories.head("octo/taken")) == ("repository_name_taken", kept)
    repositories.make("octo/half")
    half = await site.exported(project_id, "half", **NEW)
    assert (half.status, half.commit) == ("completed", repositories.head("octo/half"))


async def test_a_repository_that_takes_a_while_to_be_there_is_waited_for(site: Site) -> None:
    project_id = (await site.store.projects.create(owner=site.owner, name="P")).project_id
    await site.store.files.write(project_id, "a", b"a\n", owner=site.owner)
    site.github.faults.append(Fault("/octo/late.git/", 404, {"message": "Not Found"}))
    ended = await site.exported(project_id, "late", **NEW)
    assert (ended.status, ended.error) == ("completed", None)


async def test_nothing_is_forced_over_what_is_pushed_at_the_same_time(
    site: Site, tmp_path: Path
) -> None:
    repositories = site.github.repositories
    path = repositories.make("octo/busy")
    repositories.commit("octo/busy", [File(b"a", b"a\n")])
    project_id, _ = await site.imported("octo/busy")
    await site.store.files.write(project_id, "a", b"mine\n", owner=site.owner)
    # Another pushes in the moment between our look and our push, once.
    other = repositories.commit("octo/busy", [File(b"a", b"other\n")], branch="other")
    once = tmp_path / "once"
    hook = path / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(
        f"#!/bin/sh\n[ -e {once} ] && exit 0\ntouch {once}\n"
        f"unset GIT_QUARANTINE_PATH\ngit update-ref refs/heads/main {other}\n"
    )
    hook.chmod(0o755)
    ended = await site.exported(project_id, "octo/busy")
    assert (ended.status, ended.error) == ("completed", None)
    assert repositories.git("octo/busy", "rev-parse", "main^") == other
    assert repositories.git("octo/busy", "show", "main:a") == "mine"


async def test_a_rule_of_the_repository_is_told(site: Site) -> None:
    path = site.github.repositories.make("octo/strict")
    site.github.repositories.commit("octo/strict", [File(b"a", b"a\n")])
    project_id, _ = await site.imported("octo/strict")
    await site.store.files.write(project_id, "b", b"b\n", owner=site.owner)
    hook = path / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho 'GH006: Protected branch update failed'\nexit 1\n")
    hook.chmod(0o755)
    ended = await site.exported(project_id, "octo/strict")
    assert ended.error_code == "push_refused"
    assert "Protected branch update failed" in (ended.error or "")


async def test_without_an_account_nothing_is_exported(site: Site) -> None:
    project_id = (await site.store.projects.create(owner=site.owner, name="P")).project_id
    await site.store.files.write(project_id, "a", b"a\n", owner=site.owner)
    site.token = None
    ended = await site.exported(project_id, "a", **NEW)
    assert ended.error_code == "github_not_connected"
    assert (ended.error or "").startswith("GitHub not connected")


async def test_a_project_of_a_folder_replaces_that_folder_alone(site: Site) -> None:
    repositories = site.github.repositories
    repositories.make("octo/mono")
    files = [
        File(b"top.txt", b"t\n"),
        File(b"packages/b/y", b"y\n"),
        File(b"packages/a/vendor", b"1" * 40, "160000"),
        File(b"packages/a/x", b"x\n"),
        File(b"packages/a/gone", b"g\n"),
    ]
    first = repositories.commit("octo/mono", files)
    project_id, _ = await site.imported("octo/mono", folder="packages/a")
    same = await site.exported(project_id, "octo/mono")
    assert (same.status, repositories.head("octo/mono")) == ("completed", first)
    await site.store.files.delete(project_id, "gone", owner=site.owner)
    await site.write(project_id, "n/new", "n\n")
    ended = await site.exported(project_id, "octo/mono")
    assert (ended.status, ended.error) == ("completed", None)
    changed = [*files[:4], File(b"packages/a/n/new", b"n\n")]
    expected = repositories.commit("octo/mono", changed, branch="expected")
    assert repositories.tree("octo/mono") == repositories.tree("octo/mono", expected)
    project = await site.store.projects.owned(project_id, owner=site.owner)
    assert project.repository is not None
    assert (project.repository.folder, project.repository.commit) == ("packages/a", ended.commit)
    other = await site.exported(project_id, "elsewhere", **NEW)
    assert other.status == "completed"
    names = repositories.git("octo/elsewhere", "ls-tree", "-r", "--name-only", "main")
    assert names.split() == ["n/new", "x"]
