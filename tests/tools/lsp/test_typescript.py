"""The tools on TypeScript projects, as a model calls them."""

import asyncio
from pathlib import Path

from tests.tools.lsp.bench import STRICT, bench
from tools.output import DiagnosticsPart
from tools.workspace.paths import confine
from tools.workspace.port import RelPath

MATH = "export function add(a: number, b: number) { return a + b; }\n"
USE = 'import { add } from "./math";\nexport const n: number = add(1, 2);\n'
PROJECT = {"tsconfig.json": STRICT, "src/math.ts": MATH, "src/use.ts": USE}

CLEAN = "No diagnostics found for src/use.ts."


async def test_what_is_written_on_the_disk_counts_in_the_next_answer(tmp_path: Path) -> None:
    async with bench(tmp_path, PROJECT) as lsp:
        assert await lsp.ok("getDiagnostics", path="src/use.ts") == CLEAN
        for _ in range(3):  # within one tick of the clock of the disk as well
            lsp.write("src/math.ts", MATH.replace("b: number", "b: string"))
            assert "TS2322" in await lsp.ok("getDiagnostics", path="src/use.ts")
            lsp.write("src/math.ts", MATH)
            assert await lsp.ok("getDiagnostics", path="src/use.ts") == CLEAN
        lsp.write("src/use.ts", "export const n: number = '';\n")
        assert "src/use.ts:1:14" in await lsp.ok("getDiagnostics", path="src/use.ts")


async def test_files_that_come_and_go_count_in_the_next_answer(tmp_path: Path) -> None:
    async with bench(tmp_path, PROJECT) as lsp:
        assert await lsp.ok("getDiagnostics", path="src/use.ts") == CLEAN
        (tmp_path / "src/math.ts").rename(tmp_path / "src/moved.ts")
        assert "TS2307: Cannot find module './math'" in await lsp.ok(
            "getDiagnostics", path="src/use.ts"
        )
        lsp.write("src/math.ts", MATH)
        assert await lsp.ok("getDiagnostics", path="src/use.ts") == CLEAN
        assert "src/moved.ts:1:17" in await lsp.ok("findSymbol", query="add")


async def test_a_staged_text_is_what_is_asked_about_and_is_gone_with_its_call(
    tmp_path: Path,
) -> None:
    async with bench(tmp_path, PROJECT) as lsp:
        await lsp.place.files.write(
            confine("src/use.ts"), b"export const n: number = 'x';\n", expected_sha256=None
        )
        assert "TS2322" in await lsp.ok("getDiagnostics", path="src/use.ts")
        lsp.place = lsp.new_place()
        assert await lsp.ok("getDiagnostics", path="src/use.ts") == CLEAN


async def test_paths_and_references_between_projects_are_honoured(tmp_path: Path) -> None:
    files = {
        "tsconfig.json": '{"files": [], "references": [{"path": "./tsconfig.app.json"}]}',
        "tsconfig.app.json": '{"compilerOptions": {"composite": true, "strict": true, "module": '
        '"esnext", "moduleResolution": "bundler", "paths": {"@/*": ["./src/*"]}}, '
        '"include": ["src"], "references": [{"path": "./packages/lib"}]}',
        "packages/lib/tsconfig.json": '{"compilerOptions": {"composite": true, "strict": true}}',
        "packages/lib/lib.ts": "export const answer = 42;\n",
        "src/deep/math.ts": MATH,
        "src/main.ts": 'import { add } from "@/deep/math";\n'
        'import { answer } from "../packages/lib/lib";\nexport const n = add(1, answer);\n',
    }
    async with bench(tmp_path, files) as lsp:
        found = await lsp.ok("getDiagnostics", path="src/main.ts")
        assert found == "No diagnostics found for src/main.ts."
        found = await lsp.ok("goToDefinition", path="src/main.ts", line=3, symbol="add")
        assert "src/deep/math.ts:1:17" in found
        found = await lsp.ok("getReferences", path="packages/lib/lib.ts", line=1, symbol="answer")
        assert "src/main.ts:2:10" in found
        assert "src/main.ts:3:25" in found


async def test_a_package_that_is_not_installed_is_apart_from_errors(tmp_path: Path) -> None:
    files = {
        "tsconfig.json": STRICT.replace('"strict"', '"jsx":"react-jsx","strict"'),
        "package.json": '{"dependencies": {"react": "19", "@acme/kit": "1"}}',
        "src/app.tsx": 'import { useState } from "react";\nimport { a } from "@acme/kit/deep";\n'
        'import { b } from "./gone";\nimport { readFileSync } from "node:fs";\n'
        "export const App = () => <p>{useState(a)}</p>;\nexport const n: number = '';\n"
        "export { b, readFileSync };\n",
    }
    async with bench(tmp_path, files) as lsp:
        text = await lsp.ok("getDiagnostics", path="src/app.tsx")
        head, *lines = text.splitlines()
        assert head == "Found 2 diagnostic(s) (2 errors, 0 warnings, 0 other):"
        assert [line.split(" - ")[1].split(":")[0] for line in lines[:2]] == ["TS2307", "TS2322"]
        assert lines[2].startswith("Not installed: @acme/kit, react. ")
        assert "Not installed, and the project does not ask for it: @types/node" in lines[3]


async def test_a_package_that_was_installed_since_is_known(tmp_path: Path) -> None:
    files = PROJECT | {
        "package.json": '{"dependencies": {"pad": "1"}}',
        "src/use.ts": 'import pad from "pad";\nexport const n: number = pad;\n',
    }
    async with bench(tmp_path, files) as lsp:
        assert "Not installed: pad" in await lsp.ok("getDiagnostics", path="src/use.ts")
        lsp.write("node_modules/pad/package.json", '{"name": "pad", "types": "index.d.ts"}')
        lsp.write("node_modules/pad/index.d.ts", "declare const pad: string;\nexport default pad;")
        text = await lsp.ok("getDiagnostics", path="src/use.ts")
        assert "Not installed" not in text
        assert "TS2322: Type 'string' is not assignable to type 'number'" in text
        found = await lsp.ok("goToDefinition", path="src/use.ts", line=2, symbol="pad")
        assert "node_modules/pad/index.d.ts:1:15" in found


async def test_diagnostics_are_a_typed_part_and_hints_are_none(tmp_path: Path) -> None:
    line = "export const 名: number = '😀' + 1, b: 1 = 2;"
    files = PROJECT | {"src/a.ts": f"const unused = 1;\n{line}\n"}
    async with bench(tmp_path, files) as lsp:
        output = await lsp.run("getDiagnostics", path="src/a.ts")
        [part] = output.parts
        assert isinstance(part, DiagnosticsPart)
        assert [(each.line, each.column, each.code) for each in part.diagnostics] == [
            (2, 14, "2322"),
            (2, line.index("b: 1") + 1, "2322"),  # the astral character is one column
        ]


async def test_of_a_name_its_type_and_documentation_are_told(tmp_path: Path) -> None:
    sum_of = "/** The *sum*. */\nexport function sum(a: number) { return a; }\n"
    async with bench(tmp_path, PROJECT | {"src/sum.ts": sum_of}) as lsp:
        assert await lsp.ok("hover", path="src/sum.ts", line=2, symbol="sum") == (
            "function sum(a: number): number\nThe *sum*."
        )


async def test_a_name_can_be_said_instead_of_its_column(tmp_path: Path) -> None:
    async with bench(tmp_path, PROJECT) as lsp:
        assert await lsp.ok("hover", path="src/use.ts", line=2, symbol="add") == (
            "(alias) function add(a: number, b: number): number"
        )
        assert await lsp.refused("hover", path="src/use.ts", line=2, symbol="sub") == (
            "'sub' does not stand on line 2 of src/use.ts, which is: "
            "export const n: number = add(1, 2);"
        )
        assert await lsp.refused("hover", path="src/use.ts", line=9) == (
            "src/use.ts has 3 lines; there is no line 9."
        )
        assert (
            await lsp.ok("hover", path="src/use.ts", line=3) == "Nothing is known of src/use.ts:3:1"
        )


async def test_a_rename_changes_every_file_and_keeps_every_other_byte(tmp_path: Path) -> None:
    use = b"\xef\xbb\xbf" + USE.replace("\n", "\r\n").encode()
    files = {
        **PROJECT,
        "src/use.ts": use,
        "src/shorthand.ts": 'import { add } from "./math";\nexport const all = { add };\n',
        "src/index.ts": 'export { add } from "./math";\n',
        "src/far.ts": 'import { add as sum } from "./index";\nsum(1, 2);\n',
    }
    async with bench(tmp_path, files) as lsp:
        lsp.place.seen[RelPath("src/math.ts")] = "older"
        text = await lsp.ok("renameSymbol", path="src/use.ts", line=2, symbol="add", newName="plus")
        head, *lines = text.splitlines()
        assert head == "Renamed to plus: 7 place(s) in 5 file(s):"
        assert sorted(lines) == [
            "src/far.ts (1)",
            "src/index.ts (1)",
            "src/math.ts (1)",
            "src/shorthand.ts (2)",
            "src/use.ts (2)",
        ]
        read = lsp.place.files.read
        assert await read(RelPath("src/math.ts")) == MATH.replace("add", "plus").encode()
        assert await read(RelPath("src/use.ts")) == use.replace(b"add", b"plus")
        assert await read(RelPath("src/shorthand.ts")) == (
            b'import { plus } from "./math";\nexport const all = { add: plus };\n'
        )
        assert b"plus as sum" in await read(RelPath("src/far.ts"))
        assert (tmp_path / "src/math.ts").read_text() == MATH  # staged only
        assert lsp.place.seen == {"src/math.ts": "older"}


async def test_what_cannot_be_renamed_is_refused_and_nothing_is_changed(tmp_path: Path) -> None:
    files = PROJECT | {"src/lib.ts": "export const n = [1].map(String);\n"}
    async with bench(tmp_path, files) as lsp:
        for arguments, words in (
            ({"path": "src/lib.ts", "line": 1, "symbol": "map"}, "cannot be renamed"),
            ({"path": "src/use.ts", "line": 3}, "cannot be renamed"),
            ({"path": "src/use.ts", "line": 2, "symbol": "add", "newName": "1 + 1"}, "is no name"),
        ):
            text = await lsp.refused("renameSymbol", **{"newName": "other", **arguments})
            assert words in text or "No name that can be renamed" in text
            assert "othing was changed" in text
        assert lsp.staged.edits == ()


async def test_symbols_are_found_in_every_project_of_the_folder(tmp_path: Path) -> None:
    files = {
        f"packages/{name}/{file}": text
        for name in ("one", "two")
        for file, text in {
            "tsconfig.json": STRICT,
            "index.ts": "export {};\n",
            "deep/part.ts": f"export class Thing{name} {{ run() {{}} }}\n",
        }.items()
    }
    async with bench(tmp_path, files) as lsp:
        text = await lsp.ok("findSymbol", query="thing", kind="class")
        assert sorted(text.splitlines()[1:]) == [
            "[class] Thingone - packages/one/deep/part.ts:1:14",
            "[class] Thingtwo - packages/two/deep/part.ts:1:14",
        ]


async def test_calls_side_by_side_share_one_server(tmp_path: Path) -> None:
    async with bench(tmp_path, PROJECT) as lsp:
        calls = (lsp.ok("getDiagnostics", path="src/use.ts") for _ in range(8))
        assert set(await asyncio.gather(*calls)) == {CLEAN}
        assert lsp.servers.running == 1


async def test_settings_that_are_broken_are_named(tmp_path: Path) -> None:
    async with bench(tmp_path, PROJECT | {"tsconfig.json": '{"compilerOptions": {,,}'}) as lsp:
        text = await lsp.ok("getDiagnostics", path="src/use.ts")
        assert text.startswith(f"{CLEAN}\nThe settings of the project are broken, so what they ")
        assert "[error] tsconfig.json:1:" in text
        lsp.write("tsconfig.json", STRICT)
        assert await lsp.ok("getDiagnostics", path="src/use.ts") == CLEAN
