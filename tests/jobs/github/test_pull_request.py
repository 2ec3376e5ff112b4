"""A project's changes on a branch and a pull request: found again, never doubled or forced."""

import pytest

from core.ids import ProjectId
from jobs.github.proposing import branch_of
from jobs.github.signing import Signature
from tests.jobs.github.site import Site
from tests.support.github import File
from tests.support.github.server import Fault

pytestmark = pytest.mark.timeout(120)

FILES = [File(b"a.txt", b"a\n"), File(b"out", b"../../etc/passwd", "120000")]


async def changed(site: Site) -> ProjectId:
    """A project from `octo/a` in which a file was changed."""
    site.github.repositories.make("octo/a")
    site.github.repositories.commit("octo/a", FILES)
    project_id, _ = await site.imported("octo/a")
    await site.write(project_id, "a.txt", "mine\n")
    return project_id


async def test_it_is_opened_once_and_its_branch_grows(working: Site) -> None:
    repositories = working.github.repositories
    project_id = await changed(working)
    main = repositories.head("octo/a")
    first = await working.proposed(project_id, title="Mine", body="Because.")
    assert (first.status, first.error) == ("completed", None)
    assert first.pull_request is not None
    assert first.pull_request.url == f"{working.github.url}/octo/a/pull/1"
    branch = first.branch or ""
    assert branch.startswith("polaris/a-")
    assert repositories.git("octo/a", "rev-parse", f"{branch}^") == main
    names = repositories.git("octo/a", "diff", "--name-status", "main", branch)
    assert names == "M\ta.txt"
    [opened] = working.github.pulls
    assert (opened["title"], opened["body"], opened["base"]["ref"]) == ("Mine", "Because.", "main")
    again = await working.proposed(project_id)
    assert (again.pull_request, again.commit) == (first.pull_request, first.commit)
    await working.write(project_id, "b.txt", "b\n")
    more = await working.proposed(project_id, branch=branch)
    assert more.pull_request == first.pull_request
    assert repositories.git("octo/a", "rev-parse", f"{branch}^") == first.commit
    assert len(working.github.pulls) == 1
    assert repositories.head("octo/a") == main


async def test_what_was_pulled_meanwhile_is_merged_and_not_undone(working: Site) -> None:
    repositories = working.github.repositories
    project_id = await changed(working)
    first = await working.proposed(project_id, branch="mine")
    theirs = repositories.commit("octo/a", [*FILES, File(b"theirs.txt", b"t\n")])
    early = await working.proposed(project_id, branch="early")
    assert repositories.git("octo/a", "diff", "--name-status", "main...early") == "M\ta.txt"
    assert early.status == "completed"
    assert (await working.pulled(project_id)).status == "completed"
    second = await working.proposed(project_id, branch="mine")
    assert (second.status, second.pull_request) == ("completed", first.pull_request)
    assert repositories.git("octo/a", "rev-parse", "mine^1", "mine^2").split() == [
        first.commit,
        theirs,
    ]
    assert repositories.git("octo/a", "diff", "--name-status", "main...mine") == "M\ta.txt"


async def test_of_a_folder_only_that_is_proposed(working: Site) -> None:
    repositories = working.github.repositories
    repositories.make("octo/a")
    inside = [File(b"packages/a/x.txt", b"x\n"), File(b"top.txt", b"t\n")]
    repositories.commit("octo/a", inside)
    project_id, _ = await working.imported("octo/a", folder="packages/a")
    await working.write(project_id, "x.txt", "mine\n")
    first = await working.proposed(project_id, branch="mine")
    repositories.commit("octo/a", [*inside, File(b"more.txt", b"m\n")])
    await working.pulled(project_id)
    await working.write(project_id, "y.txt", "y\n")
    second = await working.proposed(project_id, branch="mine")
    assert (first.status, second.status) == ("completed", "completed")
    lines = repositories.git("octo/a", "diff", "--name-status", "main", "mine").splitlines()
    assert lines == ["M\tpackages/a/x.txt", "A\tpackages/a/y.txt"]


async def test_a_branch_of_somebody_else_is_left_alone(working: Site) -> None:
    repositories = working.github.repositories
    project_id = await changed(working)
    theirs = repositories.commit("octo/a", [File(b"theirs", b"t\n")], branch="theirs")
    ended = await working.proposed(project_id, branch="theirs")
    assert (ended.status, ended.error_code) == ("failed", "branch_taken")
    assert repositories.head("octo/a", "theirs") == theirs
    first = await working.proposed(project_id, branch="mine")
    assert first.status == "completed"
    review = repositories.commit("octo/a", [File(b"a.txt", b"reviewed\n")], branch="mine")
    await working.write(project_id, "b.txt", "b\n")
    second = await working.proposed(project_id, branch="mine")
    assert second.error_code == "branch_taken"
    assert repositories.head("octo/a", "mine") == review
    into_itself = await working.proposed(project_id, branch="main")
    assert into_itself.error_code == "refused_by_github"


async def test_nothing_to_propose_and_no_account_are_told(site: Site) -> None:
    site.github.repositories.make("octo/a")
    site.github.repositories.commit("octo/a", FILES)
    project_id, _ = await site.imported("octo/a")
    ended = await site.proposed(project_id)
    assert (ended.status, ended.error_code) == ("failed", "nothing_to_propose")
    assert site.github.pulls == []
    await site.write(project_id, "a.txt", "mine\n")
    site.token = None
    assert (await site.proposed(project_id)).error_code == "github_not_connected"


async def test_an_answer_that_is_lost_opens_no_second_one(working: Site) -> None:
    project_id = await changed(working)
    fault = Fault("POST /api/v3/repos/octo/a/pulls", 502, {"message": "Server Error"})
    working.github.faults.append(fault)
    ended = await working.proposed(project_id)
    assert (ended.status, len(working.github.pulls)) == ("completed", 1)


async def test_a_rate_limit_between_the_push_and_the_request_is_slept_through(
    working: Site,
) -> None:
    project_id = await changed(working)
    body, headers = {"message": "secondary rate limit"}, {"Retry-After": "1"}
    fault = Fault("POST /api/v3/repos/octo/a/pulls", 403, body, headers)
    working.github.faults.append(fault)
    ended = await working.proposed(project_id)
    assert (ended.status, ended.waiting_until) == ("completed", None)
    assert len(working.github.pulls) == 1


async def test_commits_are_of_whom_the_request_or_the_server_names(site: Site) -> None:
    site.signature = Signature("Team <team@example.com>", "Bot <bot@example.com>", ())
    project_id = await changed(site)
    await site.proposed(project_id, branch="one", message="One")
    ada, bob, eve = (f"{name} <{name}@example.com>" for name in ("Ada", "Bob", "Eve"))
    people = {"author": ada, "committer": bob, "coAuthors": f"{eve}\n{ada}"}
    await site.proposed(project_id, branch="two", message="Two", **people)
    form = "--format=%an <%ae>|%cn <%ce>|%B"

    def shown(branch: str) -> str:
        return site.github.repositories.git("octo/a", "log", "-1", form, branch)

    assert shown("one") == "Team <team@example.com>|Bot <bot@example.com>|One"
    trailers = f"Co-authored-by: {eve}\nCo-authored-by: {ada}"
    assert shown("two") == f"{ada}|{bob}|Two\n\n{trailers}"


def test_a_project_has_one_branch_whatever_its_name() -> None:
    assert branch_of("My Shop! (2)", "0123456789") == "polaris/my-shop-2-01234567"
    assert branch_of("日本", "0123456789") == "polaris/project-01234567"
