"""The message of a commit is written by a model from what has changed, or is a plain sentence."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from jobs.github.accounts import GithubServer
from jobs.github.commit_words import STAT_CHARS, CommitWords
from jobs.github.git import GitPrograms
from jobs.github.signing import Signature
from llm.scripted.process import ScriptedModel, scripted_here
from tests.jobs.github.site import Site
from tests.support.github import File, Repositories
from tests.support.scripted_model import anthropic_at, scenario

pytestmark = pytest.mark.timeout(120)

PLAIN = "Update from Polaris"


@asynccontextmanager
async def written_by(
    *rules: dict[str, Any], wait_s: float = 60.0
) -> AsyncGenerator[tuple[CommitWords, ScriptedModel]]:
    async with scripted_here(scenario(*rules)) as server, anthropic_at(server) as model:
        yield CommitWords(model, wait_s), server


async def message(words: CommitWords, folder: Path, files: int = 1) -> str:
    """Of a commit that changes so many files, on top of one."""
    repositories = Repositories(folder)
    repositories.make("o/r")
    first = repositories.commit("o/r", [File(b"a.txt", b"a\n")])
    names = [b"%d-%s.txt" % (number, b"name" * 20) for number in range(files)]
    second = repositories.commit("o/r", [File(name, b"b\n") for name in names])
    git = GitPrograms(GithubServer()).repository(repositories.path("o/r"))
    return await words.message(git, first, second, plain=PLAIN)


async def test_the_model_is_told_of_the_files_within_a_bound(tmp_path: Path) -> None:
    async with written_by({"text": "Move everything"}) as (words, server):
        assert await message(words, tmp_path, files=300) == "Move everything"
        [asked] = await server.requests()
    told = asked["body"]["messages"][0]["content"]
    text = told if isinstance(told, str) else told[0]["text"]
    assert "namename" in text
    assert len(text) <= STAT_CHARS
    assert "b\n" not in text.splitlines()


@pytest.mark.parametrize(
    "reply",
    [
        {"fault": {"kind": "status", "status": 401}},
        {"fault": {"kind": "status", "status": 529}},
        {"text": "   "},
    ],
    ids=["key", "overloaded", "nothing"],
)
async def test_where_the_model_fails_it_is_the_plain_sentence(
    tmp_path: Path, reply: dict[str, Any]
) -> None:
    async with written_by(reply) as (words, _):
        assert await message(words, tmp_path) == PLAIN


async def test_a_model_that_does_not_answer_is_not_waited_for(tmp_path: Path) -> None:
    async with written_by({"fault": {"kind": "hang"}}, wait_s=0.2) as (words, _):
        assert await message(words, tmp_path) == PLAIN
    assert await message(CommitWords(), tmp_path / "other") == PLAIN


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("```\nAdd a\n```", "Add a"),
        ('"Add a"', "Add a"),
        ("Add a\n\nWhy.\n\nSigned-off-by: Model <m@m>\nCo-authored-by: X <x@x>", "Add a\n\nWhy."),
        ("Add \x1b[1ma", "Add [1ma"),
    ],
)
async def test_what_models_put_around_a_message_is_taken_away(
    tmp_path: Path, said: str, kept: str
) -> None:
    async with written_by({"text": said}) as (words, _):
        assert await message(words, tmp_path) == kept


async def test_an_export_without_a_message_has_the_models(site: Site) -> None:
    site.github.repositories.make("octo/a")
    site.github.repositories.commit("octo/a", [File(b"a.txt", b"a\n")])
    project_id, _ = await site.imported("octo/a")
    await site.write(project_id, "b.txt", "b\n")
    site.signature = Signature(co_authors=("Eve <eve@example.com>",))
    async with written_by({"text": "Add b"}) as (words, server):
        site.words = words
        ended = await site.exported(project_id, "octo/a", message="")
        assert len(await server.requests()) == 1
        assert (ended.status, ended.commit) == (
            "completed",
            site.github.repositories.head("octo/a"),
        )
        again = await site.exported(project_id, "octo/a", message="")
        assert again.commit == ended.commit
        await site.write(project_id, "b.txt", "B\n")
        await site.exported(project_id, "octo/a", message="By hand")
        assert len(await server.requests()) == 1
    log = site.github.repositories.git("octo/a", "log", "--format=%B", "main~1", "-1")
    assert log == "Add b\n\nCo-authored-by: Eve <eve@example.com>"
    names = site.github.repositories.git("octo/a", "show", "--format=", "--name-status", "main~1")
    assert names == "A\tb.txt"
