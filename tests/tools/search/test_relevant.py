import asyncio
import os
import subprocess
from collections.abc import AsyncGenerator
from pathlib import Path

import psutil
import pytest

from tests.tools.search.project import Project
from tools.search.relevance.client import RelevanceIndex

FILES: dict[str, str | bytes] = {
    "src/cart/total.ts": (
        "import { round } from '../money';\n"
        "export function cartTotal(items: Item[]) { return round(sum(items)); }\n"
    ),
    "src/money.ts": "export function round(n: number) { return Math.round(n * 100) / 100; }\n",
    "src/login/form.tsx": "export function LoginForm() { return <form>password</form>; }\n",
    "src/login/form.test.tsx": "import { LoginForm } from './form';\ntest();\n",
    "README.md": "# Shop\n\nHow to run it.\n",
}


@pytest.fixture
async def index() -> AsyncGenerator[RelevanceIndex]:
    async with RelevanceIndex() as index:
        yield index


@pytest.fixture
def project(tmp_path: Path, index: RelevanceIndex) -> Project:
    return Project(tmp_path / "files", FILES, index)


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(  # noqa: S603 - whichever git there is
        ["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments],  # noqa: S607
        cwd=folder,
        check=True,
        capture_output=True,
    )


def paths(text: str) -> list[str]:
    return [line.split()[1] for line in text.splitlines() if line[:1].isdigit()]


async def test_words_of_names_find_a_file_and_say_why(project: Project) -> None:
    text = await project.ok("getRelevantFiles", query="total of the cart is rounded wrongly")
    assert paths(text)[:2] == ["src/cart/total.ts", "src/money.ts"]
    first = text.splitlines()[1]
    assert first.startswith("1. src/cart/total.ts [score: ")
    assert "Contains query terms: total, cart" in first


async def test_a_current_file_brings_its_neighbours(project: Project) -> None:
    text = await project.ok("getRelevantFiles", currentFile="src/cart/total.ts")
    assert paths(text)[0] == "src/money.ts"
    assert "Imported by current file" in text
    text = await project.ok("getRelevantFiles", currentFile="src/login/form.tsx", maxFiles=1)
    assert paths(text) == ["src/login/form.test.tsx"]
    assert "Imports current file" in text


async def test_nothing_fits(project: Project) -> None:
    assert await project.ok("getRelevantFiles", query="zzzz") == (
        'No relevant files found for query: "zzzz"'
    )


async def test_a_change_is_seen_by_the_next_question(project: Project) -> None:
    await project.ok("getRelevantFiles", query="invoice")
    project.write("src/money.ts", "export function printInvoice() {}\n")
    project.write("src/invoice.ts", "export const invoice = 1;\n")
    text = await project.ok("getRelevantFiles", query="invoice")
    assert set(paths(text)) == {"src/invoice.ts", "src/money.ts"}
    assert "Edited recently" in text
    (project.folder / "src/invoice.ts").unlink()
    assert paths(await project.ok("getRelevantFiles", query="invoice")) == ["src/money.ts"]


async def test_what_is_ignored_is_not_found(project: Project) -> None:
    project.write(".gitignore", "made/\n")
    project.write("made/cart.ts", "cart cart cart\n")
    text = await project.ok("getRelevantFiles", query="cart")
    assert paths(text)[0] == "src/cart/total.ts"
    assert "made/" not in text


async def test_commits_of_a_repository_count(project: Project) -> None:
    git(project.folder, "init", "--quiet")
    git(project.folder, "add", "src/login/form.tsx")
    git(project.folder, "commit", "--quiet", "--message", "Repair the hamster wheel")
    text = await project.ok("getRelevantFiles", query="hamster")
    assert paths(text) == ["src/login/form.tsx"]
    assert "Changed by commits about this" in text


async def test_a_hostile_repository_runs_nothing(project: Project, tmp_path: Path) -> None:
    git(project.folder, "init", "--quiet")
    proof = tmp_path / "ran"
    program = tmp_path / "evil.sh"
    program.write_text(f"#!/bin/sh\ntouch {proof}\n")
    program.chmod(0o755)
    config = project.folder / ".git" / "config"
    config.write_text(
        f"{config.read_text()}\tfsmonitor = {program}\n\tpager = {program}\n"
        f"[log]\n\tshowSignature = true\n[gpg]\n\tprogram = {program}\n"
        f"[diff]\n\texternal = {program}\n"
    )
    await project.ok("getRelevantFiles", query="cart")
    assert not proof.exists()


async def test_what_was_read_is_kept_beside_the_folder_not_in_it(
    project: Project, tmp_path: Path
) -> None:
    before = sorted(path.name for path in project.folder.rglob("*"))
    await project.ok("getRelevantFiles", query="cart")
    assert sorted(path.name for path in project.folder.rglob("*")) == before
    kept = tmp_path / "files-relevance.db"
    assert kept.exists()
    async with RelevanceIndex() as another:  # of a process that comes later
        again = Project(project.folder, {}, another)
        assert paths(await again.ok("getRelevantFiles", query="cart")) == ["src/cart/total.ts"]
    kept.write_bytes(b"spoilt" * 1_000)
    async with RelevanceIndex() as another:
        again = Project(project.folder, {}, another)
        assert paths(await again.ok("getRelevantFiles", query="cart")) == ["src/cart/total.ts"]


async def test_a_process_that_died_is_replaced(project: Project, index: RelevanceIndex) -> None:
    await project.ok("getRelevantFiles", query="cart")
    first = index.pid
    assert first is not None
    psutil.Process(first).kill()
    psutil.Process(first).wait(10) if psutil.pid_exists(first) else None
    output = await project.run("getRelevantFiles", query="cart")
    if output.is_error:  # it noticed only now
        output = await project.run("getRelevantFiles", query="cart")
    assert paths(output.text) == ["src/cart/total.ts"]
    assert index.pid != first


async def test_a_cancelled_question_and_the_end_leave_no_process(tmp_path: Path) -> None:
    many = {f"src/{number}.ts": "word " * 20_000 for number in range(60)}
    async with RelevanceIndex() as index, asyncio.TaskGroup() as tasks:
        project = Project(tmp_path / "files", dict(many), index)
        asking = tasks.create_task(project.run("getRelevantFiles", query="word"))
        while index.pid is None:  # noqa: ASYNC110 - no event tells of a process
            await asyncio.sleep(0.01)
        pid = index.pid
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert not psutil.pid_exists(pid)
        await project.run("getRelevantFiles", query="word", maxFiles=1)
        last = index.pid
        assert last is not None
    assert not psutil.pid_exists(last)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({}, "Give a query, a currentFile, or both."),
        ({"query": "  "}, "Give a query, a currentFile, or both."),
        ({"query": "a\0b"}, "The query holds a NUL"),
        ({"query": "a", "maxFiles": 0}, "maxFiles"),
        ({"query": "a", "maxFiles": 21}, "maxFiles"),
        ({"query": "x" * 2_001}, "query"),
        ({"query": "a", "currentFile": "../x"}, "leaves the project"),
        ({"query": "a", "currentFile": "gone.ts"}, "File not found: gone.ts"),
        ({"query": "a", "currentFile": ".git/config"}, "tools may neither read nor change"),
    ],
)
async def test_what_cannot_be_asked_is_told(
    project: Project, arguments: dict[str, object], told: str
) -> None:
    assert told in await project.refused("getRelevantFiles", **arguments)


async def test_odd_files_are_taken_as_they_are(tmp_path: Path, index: RelevanceIndex) -> None:
    outside = tmp_path / "secret.py"
    outside.write_text("cart_secret = 4711\n")
    project = Project(
        tmp_path / "files",
        {
            "wide.py": "cart = 1\n".encode("utf-16"),
            "binary.py": b"cart\0\xff",
            "latin.py": b"# caf\xe9\ncart = 1\n",
            "long.js": "cart;" * 200_000,
            "empty.py": "",
            "loop.ts": "import './loop'; import '../..//..'; import ''; const cart = 1;",
            "brackets.ts": "(" * 50_000 + "cart",
            "spaces.py": "x = " + " " * 100_000 + "\n" + "cart\n",
        },
        index,
    )
    (project.folder / "link.py").symlink_to(outside)
    os.mkfifo(project.folder / "pipe.py")
    text = await project.ok("getRelevantFiles", query="cart", maxFiles=20)
    assert set(paths(text)) >= {"latin.py", "loop.ts", "spaces.py"}
    assert "link.py" not in text
    assert "4711" not in text
