"""Three versions of files into one, by the real git: what comes, what stays, what is told."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.ids import FileId, ProjectId
from jobs.github.accounts import GithubServer
from jobs.github.changes import changes_between, renames_between
from jobs.github.git import Git, GitPrograms
from jobs.github.merging import Labels, Merged, Merger
from jobs.github.tree import Held, blobs_of, entries_of, judged
from jobs.github.view import FileMoved, ProjectView, Version
from jobs.incoming.judging import Report
from store.pulls import SeenFile
from store.records import FileEntry, FileMode
from tests.support.github import File, Repositories

Tree = Mapping[str, str | bytes | tuple[str, str]]
"""Path → text, bytes, or text with git's mode."""

MODES: dict[str, FileMode | None] = {
    "100644": None,
    "100755": "executable",
    "120000": "symlink",
}
TEXT = "".join(f"line {number}\n" for number in range(1, 21))


@dataclass
class Repository:
    """A repository, and a project that is merged with two of its commits."""

    repositories: Repositories
    git: Git
    merged: Merged = field(default_factory=Merged)

    async def merge(self, base: Tree, ours: Tree, theirs: Tree) -> Tree:
        """What the project has afterwards."""
        commits = [self.commit(base), self.commit(theirs)]
        sides = [await self.held(commit) for commit in commits]
        renames = await renames_between(self.git, *commits, folder="")
        changes = changes_between(*sides, renames=renames, unheld=())
        project = {path: _version(value) for path, value in ours.items()}

        async def read(path: str) -> bytes:
            return project[path].data

        view = ProjectView([_entry(path, it) for path, it in project.items()], read)
        labels = Labels("ours", "base", "theirs")
        self.merged = Merged()
        async with self._merger(view, labels, set(sides[0]) | set(sides[1])) as merger:
            for change in changes:
                self.merged.add(await merger.merge(change))
        for file in self.merged.removes:
            assert project.pop(file.path).sha256 == file.sha256
        for file in self.merged.writes:
            assert file.seen == _seen(file.seen.path, project.get(file.seen.path))
            mode = None if file.mode == "regular" else file.mode
            project[file.seen.path] = Version(file.data, mode)
        return {path: _value(version) for path, version in project.items()}

    @property
    def told(self) -> dict[str, str]:
        return {line.path: line.reason for line in self.merged.conflicts}

    def commit(self, tree: Tree) -> str:
        files = [_file(path, value) for path, value in tree.items()]
        return self.repositories.commit("o/r", files)

    async def held(self, commit: str) -> dict[str, Held]:
        entries = await entries_of(self.git, commit)
        found = await judged(self.git, entries, file_bytes=10**9, report=Report())
        return {held.path: held for held in found.held}

    @asynccontextmanager
    async def _merger(
        self, view: ProjectView, labels: Labels, named: set[str]
    ) -> AsyncGenerator[Merger]:
        async with blobs_of(self.git) as blobs:
            yield Merger(self.git, blobs, view, labels, named)


def _file(path: str, value: str | bytes | tuple[str, str]) -> File:
    text, mode = value if isinstance(value, tuple) else (value, "100644")
    return File(path.encode(), text.encode() if isinstance(text, str) else text, mode)


def _version(value: str | bytes | tuple[str, str]) -> Version:
    file = _file("", value)
    return Version(file.data, MODES[file.mode])


def _value(version: Version) -> str | bytes | tuple[str, str]:
    try:
        text = version.data.decode()
    except UnicodeDecodeError:
        return version.data
    git_modes = {mode: name for name, mode in MODES.items()}
    return text if version.mode is None else (text, git_modes[version.mode])


def _seen(path: str, version: Version | None) -> SeenFile:
    return SeenFile(path, version.sha256, version.mode) if version else SeenFile(path)


def _entry(path: str, version: Version) -> FileEntry:
    return FileEntry(
        FileId(path),
        ProjectId("p"),
        path,
        path.rpartition("/")[2],
        "file",
        len(version.data),
        1,
        datetime(2026, 1, 1, tzinfo=UTC),
        sha256=version.sha256,
        mode=version.mode,
    )


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    repositories = Repositories(tmp_path)
    repositories.make("o/r")
    programs = GitPrograms(GithubServer())
    return Repository(repositories, programs.repository(repositories.path("o/r")))


async def test_what_only_they_have_changed_comes(repository: Repository) -> None:
    base: Tree = {"a": "a\n", "b": "b\n", "run": "x\n", "d/e": "e\n"}
    theirs: Tree = {"a": "A\n", "run": ("x\n", "100755"), "n/m": "m\n", "link": ("a", "120000")}
    assert await repository.merge(base, base, theirs) == theirs
    assert repository.told == {}


async def test_what_only_we_have_changed_stays(repository: Repository) -> None:
    base: Tree = {"a": "a\n", "b": "b\n", "c": "c\n"}
    ours: Tree = {"a": "mine\n", "c": ("c\n", "100755"), "new": "n\n"}
    assert await repository.merge(base, ours, base) == ours
    assert repository.merged == Merged()


async def test_what_both_have_changed_alike_is_left_alone(repository: Repository) -> None:
    both: Tree = {"a": "same\n", "n": "n\n"}
    assert await repository.merge({"a": "a\n", "b": "b\n"}, both, both) == both
    assert repository.merged == Merged()


async def test_changes_of_different_lines_are_joined(repository: Repository) -> None:
    ours = TEXT.replace("line 2\n", "line 2 mine\n")
    theirs = TEXT.replace("line 19\n", "line 19 theirs\n")
    both = ours.replace("line 19\n", "line 19 theirs\n")
    merged = await repository.merge({"a": TEXT}, {"a": ours}, {"a": (theirs, "100755")})
    assert merged == {"a": (both, "100755")}
    assert repository.told == {}
    windows = [text.replace("\n", "\r\n") for text in (TEXT, ours, theirs, both)]
    merged = await repository.merge({"a": windows[0]}, {"a": windows[1]}, {"a": windows[2]})
    assert merged == {"a": windows[3]}


async def test_changes_of_the_same_line_stand_between_marks(repository: Repository) -> None:
    ours, theirs = TEXT.replace("line 7", "my 7"), TEXT.replace("line 7", "their 7")
    merged = await repository.merge({"a": TEXT}, {"a": ours}, {"a": theirs})
    marks = "<<<<<<< ours\nmy 7\n=======\ntheir 7\n>>>>>>> theirs\n"
    assert merged == {"a": TEXT.replace("line 7\n", marks)}
    assert "1 place between" in repository.told["a"]


async def test_files_that_both_have_made_stand_between_marks(repository: Repository) -> None:
    merged = await repository.merge({}, {"a": "same\nmine\n"}, {"a": "same\ntheirs\n"})
    assert merged == {"a": "same\n<<<<<<< ours\nmine\n=======\ntheirs\n>>>>>>> theirs\n"}
    assert set(repository.told) == {"a"}


async def test_what_is_no_text_stands_beside(repository: Repository) -> None:
    ours: Tree = {"a": b"\0\xffmine", "a.theirs": "of a person\n", "l": ("mine", "120000")}
    theirs: Tree = {"a": b"\0\xfftheirs", "l": ("theirs", "120000")}
    merged = await repository.merge({"a": b"\0\xff", "l": ("x", "120000")}, ours, theirs)
    assert merged == {
        **ours,
        "a.theirs2": b"\0\xfftheirs",
        "l.theirs": ("theirs", "120000"),
    }
    assert "a.theirs2" in repository.told["a"]
    assert "l.theirs" in repository.told["l"]


async def test_what_one_deletes_and_the_other_changes_is_kept_and_told(
    repository: Repository,
) -> None:
    base: Tree = {"a": "a\n", "b": "b\n", "c": "c\n", "d": "d\n"}
    merged = await repository.merge(base, {"a": "mine\n", "c": "c\n"}, {"b": "B\n", "d": "d\n"})
    assert merged == {"a": "mine\n", "b": "B\n"}
    assert {path: text.partition(":")[0] for path, text in repository.told.items()} == {
        "a": "theirs deleted it, ours changed it",
        "b": "ours deleted it, theirs changed it",
    }


async def test_our_changes_follow_a_file_that_they_have_moved(repository: Repository) -> None:
    ours = TEXT.replace("line 2\n", "line 2 mine\n")
    theirs = TEXT.replace("line 19\n", "line 19 theirs\n")
    both = ours.replace("line 19\n", "line 19 theirs\n")
    merged = await repository.merge({"old": TEXT}, {"old": ours}, {"new/name": theirs})
    assert (merged, repository.told) == ({"new/name": both}, {})
    merged = await repository.merge({"old": TEXT}, {"old": ours}, {"new": TEXT})
    assert (merged, repository.told) == ({"new": ours}, {})


async def test_their_changes_follow_a_file_that_we_have_moved(repository: Repository) -> None:
    theirs = TEXT.replace("line 19\n", "line 19 theirs\n")
    merged = await repository.merge({"old": TEXT}, {"moved": TEXT}, {"old": theirs})
    assert (merged, repository.told) == ({"moved": theirs}, {})
    merged = await repository.merge({"old": TEXT}, {"moved": TEXT}, {})
    assert (merged, repository.told) == ({"moved": TEXT}, {})


async def test_a_file_that_both_have_moved(repository: Repository) -> None:
    merged = await repository.merge({"old": TEXT}, {"ours": TEXT}, {"theirs": TEXT})
    assert merged == {"ours": TEXT, "theirs": TEXT}
    assert "both moved old" in repository.told["theirs"]
    ours = TEXT.replace("line 2\n", "line 2 mine\n")
    theirs = TEXT.replace("line 19\n", "line 19 theirs\n")
    merged = await repository.merge({"old": TEXT}, {"new": ours}, {"new": theirs})
    both = ours.replace("line 19\n", "line 19 theirs\n")
    assert (merged, repository.told) == ({"new": both}, {})


async def test_files_and_folders_change_places(repository: Repository) -> None:
    base: Tree = {"f": "f\n", "d/x": "x\n", "d/y/z": "z\n"}
    theirs: Tree = {"f/inside": "i\n", "d": "a file\n"}
    assert await repository.merge(base, base, theirs) == theirs
    assert repository.told == {}


async def test_a_file_where_we_have_a_folder_stands_beside(repository: Repository) -> None:
    ours: Tree = {"d/mine": "m\n", "f": "mine\n"}
    merged = await repository.merge(
        {"f": "f\n", "d/x": "x\n"}, {**ours, "d/x": "x\n"}, {"d": "a file\n", "f/inside": "i\n"}
    )
    assert merged == {**ours, "d.theirs": "a file\n", "f.theirs/inside": "i\n"}
    assert set(repository.told) == {"d", "f", "f/inside"}


async def test_a_change_of_mode_and_one_of_content_are_joined(repository: Repository) -> None:
    base: Tree = {"a": "a\n", "b": ("b\n", "100755")}
    ours: Tree = {"a": ("a\n", "100755"), "b": ("mine\n", "100755")}
    merged = await repository.merge(base, ours, {"a": "A\n", "b": "b\n"})
    assert (merged, repository.told) == ({"a": ("A\n", "100755"), "b": "mine\n"}, {})


async def test_a_file_that_becomes_a_link_is_not_written_through(repository: Repository) -> None:
    base: Tree = {"a": "a\n", "b": "b\n"}
    ours: Tree = {"a": "mine\n", "b": ("a", "120000")}
    merged = await repository.merge(base, ours, {"a": ("b", "120000"), "b": "theirs\n"})
    assert merged == {**ours, "a.theirs": ("b", "120000"), "b.theirs": "theirs\n"}


async def test_a_file_that_changes_while_it_is_merged_is_noticed() -> None:
    async def read(path: str) -> bytes:
        return f"{path} by now".encode()

    view = ProjectView([_entry("a", Version(b"then", None))], read)
    with pytest.raises(FileMoved):
        await view.version("a")


async def test_what_cannot_be_held_by_now_is_not_deleted(repository: Repository) -> None:
    base = await repository.held(repository.commit({"big": "b\n", "gone": "g\n"}))
    changes = changes_between(base, {}, renames={}, unheld={"big"})
    assert [change.path for change in changes] == ["gone"]
