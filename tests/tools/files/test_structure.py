from tests.tools.files.bench import Bench
from tools.files.structure import MAX_CHARS


async def test_a_project_is_a_tree_with_folders_first() -> None:
    bench = Bench({"b.md": "", "src/lib/a.ts": "", "src/z.ts": "", "src-old/c.ts": "", "a.md": ""})
    await bench.ok("createFolder", path="docs")
    assert await bench.ok("getProjectStructure") == (
        "docs/ (empty)\nsrc/\n  lib/\n    a.ts\n  z.ts\nsrc-old/\n  c.ts\na.md\nb.md"
    )


async def test_generated_folders_are_counted_not_listed() -> None:
    bench = Bench(
        {"src/a.ts": "", **{f"web/node_modules/p/{n}.js": "" for n in range(1_500)}, "z": ""}
    )
    assert await bench.ok("getProjectStructure") == (
        "src/\n  a.ts\nweb/\n  node_modules/ (1,500 files, not listed)\nz"
    )


async def test_what_is_ignored_is_counted_by_the_nearest_rules() -> None:
    bench = Bench(
        {
            ".gitignore": "dist/\n*.log\n!keep.log\n",
            "dist/a.js": "",
            "dist/deep/b.js": "",
            "a.log": "",
            "keep.log": "",
            "logs/b.log": "",
            "web/.gitignore": "/out\n!b.log\n",
            "web/out/x": "",
            "web/b.log": "",
        }
    )
    assert await bench.ok("getProjectStructure") == (
        "dist/ (2 files, not listed)\n"
        "logs/ (only ignored files)\n"
        "web/\n"
        "  out/ (1 file, not listed)\n"
        "  .gitignore\n"
        "  b.log\n"
        ".gitignore\n"
        "keep.log\n"
        "[2 files that .gitignore names are not listed.]"
    )


async def test_a_large_folder_does_not_hide_the_others() -> None:
    files: dict[str, str | bytes] = {f"data/{n:05}.csv": "" for n in range(1_200)}
    text = await Bench({**files, "src/a.ts": "", "src/b.ts": ""}).ok("getProjectStructure")
    assert "  00099.csv\n  [1,100 more files]\nsrc/\n  a.ts\n  b.ts\n[The tree is cut" in text


async def test_a_project_that_is_too_large_is_cut_from_below_and_says_so() -> None:
    files: dict[str, str | bytes] = {
        f"packages/p{n:02}/src/deep/file-{k:02}.ts": "" for n in range(60) for k in range(60)
    }
    text = await Bench({**files, "README.md": ""}).ok("getProjectStructure")
    assert MAX_CHARS * 0.8 < len(text) < MAX_CHARS * 1.1
    lines = text.split("\n")
    assert lines[0] == "packages/"
    assert all(f"  p{n:02}/" in lines for n in range(60))  # each level before the next
    assert any(line == "      deep/ (60 files, not listed)" for line in lines)
    assert lines[-2:] == [
        "README.md",
        "[The tree is cut to fit. See what is in a single folder with listFiles.]",
    ]


async def test_a_root_of_very_many_entries_is_cut_and_counted() -> None:
    files: dict[str, str | bytes] = {f"f{n:05}": "" for n in range(10_000)}
    folders: dict[str, str | bytes] = {f"d{n:05}/x": "" for n in range(10_000)}
    text = await Bench({**files, **folders}).ok("getProjectStructure")
    assert "\n[9,900 more folders, 9,900 more files]\n" in text
    assert len(text) < MAX_CHARS * 1.1
