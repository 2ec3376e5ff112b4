"""What a repository may hold that a project cannot, and what may happen in the middle."""

import asyncio
import shutil
import subprocess
from collections.abc import Callable

import pytest

from jobs.github.accounts import ImportLimits
from store.errors import Conflict
from tests.jobs.github.site import Site
from tests.support.github import File
from tests.support.github.repositories import ENV

pytestmark = pytest.mark.timeout(120)

LONG = b"n" * 4_000

BAD = [
    (File(LONG, b"x"), "longer than"),
    (File(b"d/" * 150 + b"x", b"x"), "deeper than"),
    (File(b"Fine.txt", b"x"), "only in case"),
    (File(b"e\xcc\x81.txt", b"x"), "NFC and NFD"),
    (File(b"fine.txt.", b"x"), "ends with a dot"),
    (File(b"co:lon", b"x"), "colon"),
    (File(b"back\\slash", b"x"), "backslash"),
    (File("zero\u200bwidth".encode(), b"x"), "invisible"),
    (File(b"latin-\xe9", b"x"), "not UTF-8"),
    (File(b"git~1", b"x"), "'git~1'"),
    (File(b".polaris/x", b"x"), "'.polaris'"),
    (File(b"up", b"../x", "120000"), "leads out of the project"),
    (File(b"module", b"1" * 40, "160000"), "submodule"),
]


async def test_what_a_project_cannot_hold_is_left_out_with_a_reason(site: Site) -> None:
    fine = [File(b"fine.txt", b"fine\n"), File("\u00e9.txt".encode(), b"composed\n")]
    site.github.repositories.make("octo/bad")
    site.github.repositories.commit("octo/bad", [*fine, *(file for file, _ in BAD)])
    project_id, ended = await site.imported("octo/bad")
    assert (ended.status, ended.skipped_count) == ("completed", len(BAD))
    said = {line.path[:200]: line.reason for line in ended.skipped or ()}
    kept = set(await site.files(project_id))
    for file, words in BAD:
        name = file.path.decode(errors="replace")
        clean = "".join(char if char.isprintable() else "\ufffd" for char in name)[:200]
        twin = {"Fine.txt": "fine.txt", "e\u0301.txt": "\u00e9.txt"}.get(name, clean)
        reason = said.get(clean) or said.get(twin)  # of two names, the later one is left out
        assert reason is not None, (name, said)
        assert words in reason, (name, reason)
    assert len(kept) == 2
    assert {name.casefold() for name in kept} == {"fine.txt", "\u00e9.txt"}


async def test_a_git_folder_inside_does_not_come_in(site: Site) -> None:
    """No client of git's makes such a tree; this one is put together by hand."""
    repositories = site.github.repositories
    path = repositories.make("octo/evil")
    blob = repositories.git("octo/evil", "hash-object", "-w", "--stdin", data=b"[core]\n")

    def tree(*entries: tuple[bytes, bytes, str]) -> str:
        data = b"".join(
            b"%s %s\0" % (mode, name) + bytes.fromhex(sha) for mode, name, sha in entries
        )
        options = ("hash-object", "-w", "-t", "tree", "--stdin", "--literally")
        return repositories.git("octo/evil", *options, data=data)

    inside = tree((b"100755", b"post-checkout", blob))
    root = tree((b"40000", b".GIT", inside), (b"40000", b".git", inside), (b"100644", b"a", blob))
    commit = repositories.git("octo/evil", "commit-tree", "-m", "evil", root)
    repositories.git("octo/evil", "update-ref", "refs/heads/main", commit)
    assert path.exists()
    project_id, ended = await site.imported("octo/evil")
    assert (ended.status, set(await site.files(project_id))) == ("completed", {"a"})
    assert [line.path for line in ended.skipped or ()] == [
        ".GIT/post-checkout",
        ".git/post-checkout",
    ]


@pytest.mark.parametrize(
    ("count", "most"),
    [(300, 200), pytest.param(60_000, ImportLimits().files, marks=pytest.mark.thorough)],
)
async def test_too_many_files_are_refused_before_anything_is_written(
    site: Site, count: int, most: int
) -> None:
    site.limits = ImportLimits(files=most)
    site.github.repositories.make("octo/many")
    stream = [b"blob\nmark :1\ndata 2\nx\n\n", b"commit refs/heads/main\n"]
    stream += [b"committer T <t@example.com> 1700000000 +0000\ndata 0\n"]
    stream += [b"M 100644 :1 d%d/f%d\n" % (n % 300, n) for n in range(count)]
    site.github.repositories.git("octo/many", "fast-import", "--quiet", data=b"".join(stream))
    project_id, ended = await site.imported("octo/many")
    assert (ended.status, ended.error_code, ended.done) == ("failed", "too_large", 0)
    assert f"{count} files; a project may have {most}" in (ended.error or "")
    project = await site.store.projects.owned(project_id, owner=site.owner)
    assert project.files_version == 0


def _zeros(site: Site, full_name: str, megabytes: int) -> str:
    """A blob that is never in memory as a whole."""
    path = site.github.repositories.path(full_name)
    options = ["-c", "core.bigFileThreshold=1m", "hash-object", "-w", "--stdin"]
    with subprocess.Popen(  # noqa: S603 - git on a repository of ours
        ["git", f"--git-dir={path}", *options],  # noqa: S607
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=ENV,
    ) as adding:
        assert adding.stdin is not None
        for _ in range(megabytes):
            adding.stdin.write(bytes(1_000_000))
        return adding.communicate()[0].decode().strip()


@pytest.mark.thorough
async def test_a_file_of_200_megabytes_is_left_out(site: Site) -> None:
    site.github.repositories.make("octo/huge")
    blob = _zeros(site, "octo/huge", 200)
    listed = f"100644 blob {blob}\thuge.bin\n100644 blob {blob}\tbeside.bin\n"
    tree = site.github.repositories.git("octo/huge", "mktree", data=listed.encode())
    commit = site.github.repositories.git("octo/huge", "commit-tree", "-m", "huge", tree)
    site.github.repositories.git("octo/huge", "update-ref", "refs/heads/main", commit)
    project_id, ended = await site.imported("octo/huge")
    assert (ended.status, ended.skipped_count) == ("completed", 2), ended
    assert [line.reason for line in ended.skipped or ()] == [
        "It has 200 MB; a file may have 25 MB"
    ] * 2
    assert await site.files(project_id) == {}


def _revoke(site: Site) -> None:
    site.github.users.clear()


def _vanish(site: Site) -> None:
    shutil.rmtree(site.github.repositories.path("octo/going"))


def _close(site: Site) -> None:
    site.github.repositories.private.add("octo/going")
    site.github.users.clear()


@pytest.mark.parametrize(
    ("happens", "code"),
    [
        (_revoke, "github_unauthorized"),
        (_vanish, "repository_not_found"),
        (_close, "github_unauthorized"),
    ],
)
async def test_what_goes_between_two_steps_ends_the_import_in_words(
    site: Site, happens: Callable[[Site], None], code: str
) -> None:
    site.github.repositories.make("octo/going")
    site.github.repositories.commit("octo/going", [File(b"a", b"a\n")])
    site.github.gate.clear()
    async with site.worker() as engine:
        project_id = await site.ask_import(engine, "octo/going")
        await site.transfer_once(project_id, lambda it: it.phase == "fetching")
        happens(site)
        site.github.gate.set()
        ended = await site.ended(project_id)
    assert (ended.status, ended.error_code) == ("failed", code), ended
    await site.emptied(project_id)


async def test_a_token_revoked_before_the_push_is_told(site: Site) -> None:
    project_id = (await site.store.projects.create(owner=site.owner, name="P")).project_id
    await site.store.files.write(project_id, "a", b"a\n", owner=site.owner)
    site.github.gate.clear()
    async with site.worker() as engine:
        more = {"mayCreate": True, "mustCreate": True}
        await site.ask_export(engine, project_id, "new", **more)
        await site.transfer_once(project_id, lambda it: it.phase == "reading")
        site.github.users.clear()
        site.github.gate.set()
        ended = await site.ended(project_id)
    assert (ended.status, ended.error_code) == ("failed", "github_unauthorized")
    assert site.github.repositories.head("octo/new") == ""


async def test_a_second_import_into_a_project_waits_for_nobody_and_is_refused(site: Site) -> None:
    site.github.repositories.make("octo/once")
    site.github.repositories.commit("octo/once", [File(b"a", b"a\n")])
    transfers, data = site.store.transfers, {"repository": "octo/once"}
    asked = await asyncio.gather(
        *(
            transfers.request_import(
                owner=site.owner,
                name="once",
                event="github/import.requested",
                data=data,
                key="the same",
            )
            for _ in range(5)
        )
    )
    assert len({each.project.project_id for each in asked}) == 1
    assert len({each.transfer.transfer_id for each in asked}) == 1
    project_id = asked[0].project.project_id
    with pytest.raises(Conflict, match="already running"):
        await transfers.start(project_id, owner=site.owner, kind="import", key="another")


async def test_an_export_while_files_change_takes_each_as_it_was_once(site: Site) -> None:
    project_id = (await site.store.projects.create(owner=site.owner, name="P")).project_id
    files = site.store.files
    names = [f"f{n}" for n in range(12)]

    async def write(turn: int) -> None:
        data = dict.fromkeys(names, b"%d\n" % turn * 2_000)
        await files.write_many(project_id, data, owner=site.owner)

    async def keep_writing(until: asyncio.Event) -> None:
        turn = 1
        while not until.is_set():
            await write(turn)
            turn += 1

    await write(0)
    exported = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(keep_writing(exported))
        try:
            ended = await site.exported(project_id, "busy", mayCreate=True, mustCreate=True)
        finally:
            exported.set()
    assert (ended.status, ended.error) == ("completed", None)
    git = site.github.repositories.git
    assert git("octo/busy", "ls-tree", "--name-only", "main").split() == sorted(names)
    for name in names:
        lines = git("octo/busy", "show", f"main:{name}").split()
        assert (len(lines), len(set(lines))) == (2_000, 1)
    again = await site.exported(project_id, "octo/busy")
    assert again.status == "completed"
    now = await site.files(project_id)
    for name in names:
        assert git("octo/busy", "show", f"main:{name}").encode() + b"\n" == now[name].data
