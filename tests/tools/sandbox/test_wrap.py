"""What a process that was wrapped sees, and what it cannot do."""

import asyncio
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from pathlib import Path

import pytest

from tools.sandbox.port import LASTING, NoSandbox
from tools.sandbox.sandbox import Sandbox
from tools.workspace.port import RelPath


async def output(
    sandbox: Sandbox, script: str, folder: Path, *, writable: bool = True
) -> tuple[int, str]:
    wrapped = sandbox.wrap(("sh", "-c", script), folder=folder, writable=writable)
    process = await asyncio.create_subprocess_exec(
        *wrapped.argv, env=wrapped.env, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT
    )
    said, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode()


async def test_the_folder_has_the_same_path_inside(sandbox: Sandbox, folder: Path) -> None:
    code, said = await output(sandbox, "pwd; echo new > made.txt", folder)
    assert (code, said.strip()) == (0, str(folder))
    assert (folder / "made.txt").read_text() == "new\n"


async def test_it_starts_in_a_folder_of_the_project(sandbox: Sandbox, folder: Path) -> None:
    (folder / "src").mkdir()
    wrapped = sandbox.wrap(("pwd",), folder=folder, cwd=RelPath("src"))
    process = await asyncio.create_subprocess_exec(*wrapped.argv, env=wrapped.env, stdout=PIPE)
    said, _ = await process.communicate()
    assert said.decode().strip() == str(folder / "src")


async def test_it_starts_wherever_its_pipes_are_opened(
    sandbox: Sandbox, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is laid out for it may have been named from the folder of our own process."""
    (tmp_path / "scratch").mkdir()
    monkeypatch.chdir(tmp_path)
    assert sandbox.kind is not None
    async with Sandbox(kinds=[sandbox.kind], scratch=Path("scratch")) as other:
        wrapped = other.wrap(("pwd",), folder=folder)
        process = await asyncio.create_subprocess_exec(
            *wrapped.argv, env=wrapped.env, cwd=folder, stdout=PIPE
        )
        said, _ = await process.communicate()
    assert said.decode().strip() == str(folder)


async def test_a_folder_may_be_closed_to_changes(sandbox: Sandbox, folder: Path) -> None:
    code, said = await output(sandbox, "echo new > made.txt", folder, writable=False)
    assert code != 0
    assert "ermission denied" in said or "Read-only" in said
    assert not (folder / "made.txt").exists()


@pytest.mark.parametrize(
    "command",
    ["node --version", "npm --version", "python --version", "git --version", "tsc --version"],
)
async def test_programs_are_there(sandbox: Sandbox, folder: Path, command: str) -> None:
    code, said = await output(sandbox, command, folder)
    assert code == 0, said


async def test_git_has_a_history(sandbox: Sandbox, folder: Path) -> None:
    script = "echo a > a.txt && git add -A && git commit -qm First && git status && git log"
    code, said = await output(sandbox, script, folder)
    assert code == 0, said
    assert "nothing to commit" in said
    assert "Author: Polaris" in said
    code, said = await output(sandbox, "git checkout -qb b && git stash list && git branch", folder)
    assert (code, said) == (0, "* b\n  main\n")


async def test_node_runs_programs_and_threads(sandbox: Sandbox, folder: Path) -> None:
    (folder / "package.json").write_text('{"scripts": {"hi": "node hi.mjs"}}')
    (folder / "hi.mjs").write_text(
        "import { Worker } from 'node:worker_threads';"
        "import { execFileSync } from 'node:child_process';"
        "console.log(execFileSync('echo', ['hi']).toString().trim());"
        "new Worker(\"console.log('from a thread')\", { eval: true });"
    )
    code, said = await output(sandbox, "npm run --silent hi", folder)
    assert (code, said) == (0, "hi\nfrom a thread\n")


async def test_more_paths_can_be_seen(sandbox: Sandbox, folder: Path, tmp_path: Path) -> None:
    given = tmp_path / "given.txt"
    given.write_text("given")
    missing = tmp_path / "missing"
    wrapped = sandbox.wrap(("cat", str(given)), folder=folder, read_only=[given, missing])
    process = await asyncio.create_subprocess_exec(*wrapped.argv, env=wrapped.env, stdout=PIPE)
    said, _ = await process.communicate()
    assert said == b"given"


async def test_what_is_read_only_stays(sandbox: Sandbox, folder: Path, tmp_path: Path) -> None:
    given = tmp_path / "given.txt"
    given.write_text("given")
    wrapped = sandbox.wrap(("sh", "-c", f"echo > {given}"), folder=folder, read_only=[given])
    process = await asyncio.create_subprocess_exec(*wrapped.argv, env=wrapped.env, stderr=DEVNULL)
    assert await process.wait() != 0
    assert given.read_text() == "given"


async def test_what_is_to_last_has_time(sandbox: Sandbox, folder: Path) -> None:
    _, said = await output(sandbox, "ulimit -t; ulimit -f; ulimit -c", folder)
    assert said.split() == [str(LASTING.cpu_s), str(LASTING.file_bytes // 512), "0"]


async def test_a_closed_sandbox_refuses_with_words(folder: Path) -> None:
    with pytest.raises(NoSandbox, match="never run without one"):
        Sandbox().wrap(("true",), folder=folder)
