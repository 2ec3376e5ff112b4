import asyncio
import re
import time

import pytest

from tests.support.processes import alive, until_alive
from tests.tools.terminal.conftest import Terminal
from tools.output import EndedPart, ExitPart, FullTextPart
from tools.place import Place
from tools.registry import Toolbox
from tools.terminal import TERMINAL_TOOLS
from tools.workspace.memory import MemoryWorkspace

pytestmark = pytest.mark.timeout(90)


async def test_the_output_is_the_result(terminal: Terminal) -> None:
    ran = await terminal.sh("echo one | tr a-z A-Z && echo two >&2")
    assert ran.text == "ONE\ntwo"
    assert not ran.is_error
    [exit_part] = ran.parts
    assert isinstance(exit_part, ExitPart)
    assert exit_part.code == 0
    assert exit_part.took_s > 0


async def test_silence_is_said(terminal: Terminal) -> None:
    assert (await terminal.sh("true")).text == "Command completed successfully (no output)"


async def test_a_failure_has_its_code_and_its_output(terminal: Terminal) -> None:
    ran = await terminal.sh("echo no; exit 3")
    assert ran.text == "Command failed with exit code 3:\nno"
    assert ran.is_error
    assert isinstance(ran.parts[0], ExitPart)
    assert ran.parts[0].code == 3


async def test_a_program_that_is_not_there_is_named(terminal: Terminal) -> None:
    ran = await terminal.sh("cargo build")
    assert ran.is_error
    assert "cargo: command not found" in ran.text or "cargo: not found" in ran.text


async def test_it_starts_where_it_is_asked_to(terminal: Terminal) -> None:
    (terminal.folder / "src").mkdir()
    assert (await terminal.sh("pwd", cwd="src")).text == str(terminal.folder / "src")


@pytest.mark.parametrize(
    ("cwd", "words"),
    [
        ("missing", "File not found: missing"),
        ("file.txt", "is a file, not a folder"),
        ("../..", "leaves the project"),
        ("/etc", "is not relative"),
        ("link", "link"),
    ],
)
async def test_a_folder_that_is_none_is_refused(terminal: Terminal, cwd: str, words: str) -> None:
    (terminal.folder / "file.txt").write_text("")
    (terminal.folder / "link").symlink_to("/etc")
    ran = await terminal.sh("touch ran", cwd=cwd)
    assert ran.is_error
    assert words in ran.text
    assert not (terminal.folder / "ran").exists()


async def test_what_is_forbidden_does_not_run(terminal: Terminal) -> None:
    ran = await terminal.sh("touch ran; curl example.com")
    assert ran.is_error
    assert ran.text.startswith("Command blocked: curl:")
    assert not (terminal.folder / "ran").exists()


async def test_a_long_output_is_shown_from_both_ends_and_can_be_read_whole(
    terminal: Terminal,
) -> None:
    ran = await terminal.sh("seq 1 20000")
    assert ran.text.startswith("1\n2\n3\n")
    assert ran.text.endswith("19999\n20000")
    assert len(ran.text) < 25_000
    [_, full] = ran.parts
    assert isinstance(full, FullTextPart)
    assert full.handle in ran.text
    assert full.size_bytes == len("".join(f"{number}\n" for number in range(1, 20_001)))
    page = await terminal("readOutput", handle=full.handle, offset=10_001)
    assert page.text.startswith("10001\n10002\n")
    assert "[Lines 10001-10500 of 20000. Read on with offset 10501.]" in page.text
    last = await terminal("readOutput", handle=full.handle, offset=19_999)
    assert last.text == "19999\n20000\n\n[Lines 19999-20000 of 20000.]"
    past = await terminal("readOutput", handle=full.handle, offset=20_001)
    assert past.is_error


async def test_of_a_whole_output_lines_are_found_by_a_text(terminal: Terminal) -> None:
    ran = await terminal.sh("seq 1 10000; echo 'ERROR (x) here'; seq 1 10000; echo 'an error (X)'")
    [handle] = re.findall(r"out-[0-9a-f]+", ran.text)
    both = await terminal("readOutput", handle=handle, pattern="error (x)")
    assert both.text == (
        "10001: ERROR (x) here\n20002: an error (X)\n\n"
        "[2 of 2 lines from 1 to 20002 that hold 'error (x)'.]"
    )
    first = await terminal("readOutput", handle=handle, pattern="error (x)", limit=1)
    assert first.text.endswith(
        "[1 of 2 lines from 1 to 20002 that hold 'error (x)'. Read on with offset 20002.]"
    )
    second = await terminal("readOutput", handle=handle, pattern="error (x)", offset=20_002)
    assert second.text.startswith("20002: an error (X)\n")
    none = await terminal("readOutput", handle=handle, pattern="(.*")
    assert none.text == "[No line from 1 to 20002 holds '(.*'.]"
    page = await terminal("readOutput", handle=handle, offset=2, limit=2)
    assert page.text == "2\n3\n\n[Lines 2-3 of 20002. Read on with offset 4.]"
    many = await terminal("readOutput", handle=handle, pattern="1")
    assert "[500 of 6" in many.text


async def test_an_output_is_read_in_its_own_project_only(terminal: Terminal) -> None:
    ran = await terminal.sh("seq 1 20000")
    [found] = re.findall(r"out-[0-9a-f]+", ran.text)
    other = terminal.folder.with_name("other")
    other.mkdir()
    read = await terminal.elsewhere(other)("readOutput", handle=found)
    assert read.is_error
    assert "No output is kept" in read.text


async def test_colours_and_progress_are_not_shown(terminal: Terminal) -> None:
    ran = await terminal.sh(r"printf '\033[31mred\033[0m\n10%%\r50%%\r100%%\ndone\a\n'")
    assert ran.text == "red\n100%\ndone\ufffd"


async def test_a_line_without_end_is_cut(terminal: Terminal) -> None:
    ran = await terminal.sh("head -c 1000000 /dev/zero | tr '\\0' x")
    assert "line cut: 1,000,000 characters" in ran.text
    assert len(ran.text) < 3_000


async def test_a_question_ends_at_once(terminal: Terminal) -> None:
    ran = await terminal.sh("read -r answer || echo nobody answers")
    assert ran.text == "nobody answers"


async def test_a_time_out_is_told_with_what_was_ended(terminal: Terminal) -> None:
    ran = await terminal.sh("echo begun; sleep 300", timeoutSeconds=1)
    assert ran.is_error
    assert ran.text.startswith("Command timed out after 1 seconds")
    assert ran.text.endswith("begun")
    [exit_part, ended] = ran.parts
    assert isinstance(exit_part, ExitPart)
    assert exit_part.code is None
    assert isinstance(ended, EndedPart)
    assert ended.reason == "timeout"
    assert "sleep" in ended.processes


async def test_a_daemon_is_told(terminal: Terminal) -> None:
    ran = await terminal.sh("setsid sleep 300 > /dev/null 2>&1 & sleep 0.2; echo done")
    assert "done\n[Ended with the command: sleep. Use startProcess" in ran.text
    assert not ran.is_error


async def test_a_cancel_leaves_nothing_alive(terminal: Terminal) -> None:
    mark = f"300.{time.monotonic_ns()}"
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(terminal.sh(f"setsid sleep {mark} & sleep {mark}"))
        await until_alive(mark)
        running.cancel()
    assert list(alive(mark)) == []


async def test_git_tells_what_changed_since_it_was_first_called(terminal: Terminal) -> None:
    (terminal.folder / "a.txt").write_text("one\n")
    (terminal.folder / "node_modules").mkdir()
    (terminal.folder / "node_modules" / "x.js").write_text("x")
    assert "nothing to commit" in (await terminal.sh("git status")).text
    (terminal.folder / "a.txt").write_text("two\n")
    diff = await terminal.sh("git diff")
    assert "-one\n+two" in diff.text
    done = await terminal.sh("git commit -am 'Count on' && git log --format='%an: %s'")
    assert done.text.endswith("Polaris: Count on\nPolaris: The project as it was")
    assert (await terminal.sh("git ls-files")).text == "a.txt"


async def test_a_package_that_cannot_be_fetched_fails_at_once(terminal: Terminal) -> None:
    ran = await terminal.sh("npm install left-pad")
    assert ran.is_error
    assert ran.text.endswith("[The sandbox has no network. Trying again will not help.]")
    assert isinstance(ran.parts[0], ExitPart)
    assert ran.parts[0].took_s < 60


async def test_where_there_is_no_disk_nothing_runs() -> None:
    place = Place(MemoryWorkspace({}))
    ran = await Toolbox(TERMINAL_TOOLS).run("executeCommand", {"command": "ls"}, place)
    assert ran.is_error
    assert "on no disk" in ran.text
