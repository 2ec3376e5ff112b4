"""Servers that misbehave, and files that are not what a server expects: what the model reads."""

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.tools.lsp.bench import STRICT, bench
from tools.lsp.new_errors import new_errors
from tools.lsp.servers import Server
from tools.lsp.session import Times
from tools.workspace.port import RelPath

PROGRAM = Path(__file__).with_name("misbehaving_server.py")
FILES = {"a.fake": "old text\n", "spät #[1]?.fake": "odd\n"}

FOUND = (
    "Found 1 diagnostic(s) (1 errors, 0 warnings, 0 other):\n"
    "[error] a.fake:1:1 - Something is missing here."
)
NO_ANSWER = (
    "There is no answer yet: the language server fake has not answered in time. It may still be "
    "reading the project. Try once more, or go on without it."
)
ENDED_TWICE = (
    "The language server fake has ended twice while it was asked, so there is no answer. Go on "
    "without it: read the files or search their text."
)


def fake(mode: str) -> Server:
    command = (sys.executable, "-S", str(PROGRAM), mode)
    return Server(name="fake", command=command, languages={".fake": "fake"})


def misbehaving(folder: Path, mode: str, *, answer_s: float = 15.0, start_s: float = 15.0) -> Any:
    times = Times(start_s=start_s, answer_s=answer_s)
    return bench(folder, FILES, servers=(fake(mode),), times=times)


def makes_no_sense(what: str) -> str:
    return (
        f"The language server fake gave an answer that makes no sense ({what}), so there is none. "
        "It is started anew at the next call."
    )


ANSWERS: list[tuple[str, str]] = [
    ("rightly", FOUND),
    ("crash_once", FOUND),
    ("other_id", FOUND),
    ("floods_stderr", FOUND),
    ("floods_notices", FOUND),
    ("asks_before_it_answers", FOUND),
    ("beyond_the_file", FOUND.replace(":1:1", ":1073741825:1")),
    ("pushes_older_first", FOUND),
    ("pushes_empty_first", FOUND),
    ("environment", FOUND.partition("Something")[0] + "LANG PATH"),
]

NONSENSE: list[tuple[str, str]] = [
    ("no_json", makes_no_sense("no JSON-RPC")),
    ("not_utf8", makes_no_sense("no JSON-RPC")),
    ("a_list", makes_no_sense("no JSON-RPC")),
    ("nested", makes_no_sense("no JSON-RPC")),
    ("no_method_or_id", makes_no_sense("a message without id and method")),
    ("id_of_no_kind", makes_no_sense("no JSON-RPC")),
    ("no_result", makes_no_sense("its answer does not fit at its top")),
    ("wrong_shape", makes_no_sense("its answer does not fit at items")),
    ("wrong_numbers", makes_no_sense("its answer does not fit at items.0.range.start.line")),
    ("ten_gigabytes", makes_no_sense("a message of 10,000,000,000 bytes")),
    ("endless_line", makes_no_sense("no JSON-RPC")),
    ("endless_lines", makes_no_sense("text between its messages")),
    ("a_header_without_end", makes_no_sense("text between its messages")),
    ("talks_at_start", makes_no_sense("text between its messages")),
    ("crash", ENDED_TWICE),
    ("crashes_at_start", ENDED_TWICE),
    ("half_an_answer", ENDED_TWICE),
    ("error", "The language server fake answers: No."),
    ("error_of_no_kind", "The language server fake answers: an error without a code or message"),
    ("refuses_to_start", "The language server fake refuses to start: No."),
]


@pytest.mark.parametrize(("mode", "text"), ANSWERS, ids=[mode for mode, _ in ANSWERS])
async def test_a_server_that_is_odd_still_gives_its_answer(
    tmp_path: Path, mode: str, text: str
) -> None:
    async with misbehaving(tmp_path, mode) as lsp:
        assert await lsp.ok("getDiagnostics", path="a.fake") == text


@pytest.mark.parametrize(("mode", "text"), NONSENSE, ids=[mode for mode, _ in NONSENSE])
async def test_a_server_that_makes_no_sense_is_told_of(
    tmp_path: Path, mode: str, text: str
) -> None:
    async with misbehaving(tmp_path, mode) as lsp:
        assert await lsp.refused("getDiagnostics", path="a.fake") == text


async def test_settings_that_hang_the_server_are_told_of(tmp_path: Path) -> None:
    """TypeScript 7.0.2 waits for itself where settings extend themselves."""
    files = {**CLEAN, "tsconfig.json": '{"extends": "./tsconfig.json"}'}
    async with bench(tmp_path, files, times=Times(answer_s=1.0)) as lsp:
        assert await lsp.refused("getDiagnostics", path="src/a.ts") == NO_ANSWER.replace(
            "fake", "typescript"
        )


@pytest.mark.parametrize("mode", ["hang", "other_version", "pushes_never", "hangs_at_start"])
async def test_a_server_that_hangs_is_told_of_in_time_and_started_again(
    tmp_path: Path, mode: str
) -> None:
    start_s = 0.5 if mode == "hangs_at_start" else 15.0
    async with misbehaving(tmp_path, mode, answer_s=0.5, start_s=start_s) as lsp:
        assert await lsp.refused("getDiagnostics", path="a.fake") == NO_ANSWER


async def test_a_server_that_fails_again_and_again_is_left_alone(tmp_path: Path) -> None:
    async with misbehaving(tmp_path, "no_json") as lsp:
        texts = [await lsp.refused("getDiagnostics", path="a.fake") for _ in range(4)]
        assert texts[0] == makes_no_sense("no JSON-RPC")
        assert texts[3].startswith(
            "The language server fake has failed 3 times within a minute in this project, and is "
            "not started again for "
        )
        assert lsp.servers.running == 0


async def test_a_flood_of_findings_is_counted_and_cut(tmp_path: Path) -> None:
    async with misbehaving(tmp_path, "floods_findings") as lsp:
        output = await lsp.run("getDiagnostics", path="a.fake")
        assert output.text.startswith("Found 30000 diagnostic(s)")
        assert "(showing first 50):" in output.text.splitlines()[0]
        assert len(output.text.splitlines()) == 51


async def test_a_long_message_is_cut(tmp_path: Path) -> None:
    async with misbehaving(tmp_path, "a_long_message") as lsp:
        assert len(await lsp.ok("getDiagnostics", path="a.fake")) < 1_000


async def test_a_call_that_is_cancelled_leaves_a_session_that_others_can_use(
    tmp_path: Path,
) -> None:
    async with misbehaving(tmp_path, "rightly") as lsp:
        assert await lsp.ok("getDiagnostics", path="a.fake") == FOUND
        for turns in range(8):  # of the loop until the cancel arrives
            async with asyncio.TaskGroup() as tasks:
                call = tasks.create_task(lsp.run("getDiagnostics", path="a.fake"))
                for _ in range(turns):
                    await asyncio.sleep(0)
                call.cancel()
            assert await lsp.ok("getDiagnostics", path="a.fake") == FOUND
        assert lsp.servers.running == 1


async def test_a_server_and_its_child_that_ignore_signals_are_dead_at_the_end(
    tmp_path: Path,
) -> None:
    async with misbehaving(tmp_path, "with_a_child") as lsp:
        assert await lsp.ok("getDiagnostics", path="a.fake") == FOUND
        pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
        processes = [psutil.Process(pid) for pid in pids]
    _, alive = await asyncio.to_thread(psutil.wait_procs, processes, timeout=10)
    assert [each for each in alive if each.status() != psutil.STATUS_ZOMBIE] == []


async def test_no_place_outside_of_the_project_is_read(tmp_path: Path) -> None:
    (tmp_path / "link.fake").symlink_to("/etc/passwd")
    async with misbehaving(tmp_path, "strange_places") as lsp:
        text = await lsp.ok("getReferences", path="a.fake", line=1)
        assert "root:" not in text
        assert "Found 14 reference(s):" in text
        assert "[read] (outside the project) passwd:1:1 - " in text
        assert "[read] spät #[1]?.fake:1:1 - odd" in text
        assert "link.fake:1:1 - \n" in text


RENAMES = [
    ("renames_outside", "The name is defined outside of the project's own files, in passwd, so"),
    ("renames_upwards", "The name is defined outside of the project's own files, in b.fake, so"),
    ("renames_in_packages", "The name is defined outside of the project's own files, in b.fake"),
    ("renames_one_outside", "The name is defined outside of the project's own files, in passwd"),
    ("renames_overlapping", makes_no_sense("edits that overlap")),
    ("renames_what_is_gone", "File not found: gone.fake"),
    ("renames_nothing", "No name that can be renamed stands at a.fake:1:1, so nothing was changed"),
    ("renames_too_many", "501 files use the name; at most 500 are changed at once. Nothing was"),
    ("error", "The language server fake answers: No."),
]


@pytest.mark.parametrize(("mode", "text"), RENAMES, ids=[mode for mode, _ in RENAMES])
async def test_a_rename_that_cannot_be_made_whole_changes_nothing(
    tmp_path: Path, mode: str, text: str
) -> None:
    async with misbehaving(tmp_path, mode) as lsp:
        refusal = await lsp.refused("renameSymbol", path="a.fake", line=1, newName="new")
        assert refusal.startswith(text)
        assert lsp.staged.edits == ()


@pytest.mark.parametrize(
    ("mode", "text"),
    [("no_json", "(no JSON-RPC)"), ("crash", "has ended twice"), ("hang", "no answer yet")],
)
async def test_an_edit_says_that_it_was_not_checked(tmp_path: Path, mode: str, text: str) -> None:
    async with misbehaving(tmp_path, mode, answer_s=0.5) as lsp:
        found = await new_errors(lsp.place, {}, [RelPath("a.fake")])
        assert found.part is None
        assert found.text.startswith("Not checked for new errors. ")
        assert text in found.text


CLEAN = {"tsconfig.json": STRICT, "src/a.ts": "export const a = 1;\n"}

FILE_CASES: list[tuple[str, Mapping[str, str | bytes], str, str]] = [
    ("up", {}, "../a.ts", "The path '../a.ts' leaves the project."),
    ("absolute", {}, "/etc/passwd.ts", "The path '/etc/passwd.ts' is not relative to the project."),
    ("home", {}, "~/a.ts", "The path '~/a.ts' is not relative to the project."),
    ("drive", {}, "C:/a.ts", "The path 'C:/a.ts' is not relative to the project."),
    ("git", {}, ".git/a.ts", "The path '.git/a.ts' is inside '.git', which tools may neither"),
    ("uri", {}, "file:///etc/a.ts", "The path 'file:///etc/a.ts' has a colon in the name"),
    ("gone", {}, "src/gone.ts", "File not found: src/gone.ts"),
    ("folder", {}, "src", "src is a folder, not a file."),
    ("folder.ts", {"dir.ts/x": ""}, "dir.ts", "dir.ts is a folder, not a file."),
    ("unknown", {"a.xyz": "x"}, "a.xyz", "No language server knows a.xyz: it works for files that"),
    ("binary", {"src/b.ts": b"\0\1\2"}, "src/b.ts", "src/b.ts is a binary file, not a program"),
    ("utf16", {"src/w.ts": "let a;".encode("utf-16")}, "src/w.ts", "src/w.ts is a binary file"),
    ("latin1", {"src/l.ts": b"// \xe9\n"}, "src/l.ts", "src/l.ts is a file that is not UTF-8 text"),
    (
        "5 MB",
        {"src/big.ts": "export const a = 1;\n" * 250_000},
        "src/big.ts",
        "src/big.ts has 5,000,000 bytes. Language servers are asked about files of up to 2,097,152",
    ),
]


@pytest.mark.parametrize(
    ("files", "path", "text"),
    [case[1:] for case in FILE_CASES],
    ids=[case[0] for case in FILE_CASES],
)
async def test_a_file_that_no_server_can_be_asked_about_is_refused(
    tmp_path: Path, files: Mapping[str, str | bytes], path: str, text: str
) -> None:
    async with bench(tmp_path, {**CLEAN, **files}) as lsp:
        for tool, arguments in TOOLS_ON_A_FILE:
            assert (await lsp.refused(tool, path=path, **arguments)).startswith(text)
        assert lsp.servers.running == 0


TOOLS_ON_A_FILE: list[tuple[str, dict[str, Any]]] = [
    ("getDiagnostics", {}),
    ("hover", {"line": 1}),
    ("getReferences", {"line": 1}),
    ("goToDefinition", {"line": 1}),
    ("renameSymbol", {"line": 1, "newName": "b"}),
]


async def test_a_link_to_a_file_outside_is_refused(tmp_path: Path) -> None:
    secret = tmp_path / "secret.ts"
    secret.write_text("export const secret: string = 1;\n")
    async with bench(tmp_path / "project", CLEAN) as lsp:
        (lsp.folder / "src/link.ts").symlink_to(secret)
        assert "link" in await lsp.refused("getDiagnostics", path="src/link.ts")


ODD_NAMES = ["a b.ts", "#1?.ts", "100%.ts", "[id].ts", "(group)/p.ts", "ünï/日本.ts", "a&b=c;d.ts"]


@pytest.mark.parametrize("name", ODD_NAMES)
async def test_a_file_with_odd_characters_is_found_again(tmp_path: Path, name: str) -> None:
    source = f"src/{name}"
    files = {**CLEAN, source: "export const odd: string = 1;\nexport const twice = odd;\n"}
    async with bench(tmp_path, files) as lsp:
        text = await lsp.ok("getDiagnostics", path=source)
        assert f"[error] {source}:1:14 - TS2322: " in text
        text = await lsp.ok("goToDefinition", path=source, line=2, symbol="odd")
        assert f"\n  {source}:1:14\n" in text
        assert f"{source}:2:22" in await lsp.ok("getReferences", path=source, line=1, symbol="odd")


BROKEN_SETTINGS = [
    ("no json", "{{{{", "[error] tsconfig.json:1:"),
    ("empty", "", None),
    ("binary", b"\0\0\0", "[error] tsconfig.json:1:1 - TS1127: Invalid character."),
    ("of no kind", "[1, 2]", "[error] tsconfig.json:1:1 - TS"),
    (
        "gone",
        '{"extends": "./gone.json", "references": [{"path": "./nowhere"}]}',
        "[error] tsconfig.json:1:1 - TS5083: Cannot read file 'gone.json'.",
    ),
    (
        "unknown",
        '{"compilerOptions": {"strict": "perhaps"}}',
        "[error] tsconfig.json:1:32 - TS5024: Compiler option 'strict' requires a value of type",
    ),
    ("long", '{"files": [' + '"a.ts",' * 100_000 + '"src/a.ts"]}', None),
]


@pytest.mark.parametrize(
    ("settings", "note"),
    [case[1:] for case in BROKEN_SETTINGS],
    ids=[c[0] for c in BROKEN_SETTINGS],
)
async def test_broken_settings_do_not_keep_a_real_error_back(
    tmp_path: Path, settings: str | bytes, note: str | None
) -> None:
    files = {**CLEAN, "tsconfig.json": settings, "src/a.ts": "export const a: string = 1;\n"}
    async with bench(tmp_path, files) as lsp:
        text = await lsp.ok("getDiagnostics", path="src/a.ts")
        assert "[error] src/a.ts:1:14 - TS2322: " in text
        assert (note or "") in text
        assert str(tmp_path) not in text


async def test_a_program_that_is_absent_takes_its_own_files_only(tmp_path: Path) -> None:
    absent = Server(name="gone", command=("no-such-program",), languages={".gone": "gone"})
    files = {**FILES, "b.gone": "x\n"}
    async with bench(tmp_path, files, servers=(absent, fake("rightly"))) as lsp:
        assert await lsp.refused("getDiagnostics", path="b.gone") == (
            "The language server for .gone files, no-such-program, is not installed where Polaris "
            "runs. Search the text instead."
        )
        assert await lsp.ok("getDiagnostics", path="a.fake") == FOUND
        text = await lsp.ok("findSymbol", query="x")
        assert text.startswith('No symbols found matching "x".\nThe language server for .gone')
