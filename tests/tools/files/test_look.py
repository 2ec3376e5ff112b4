from tests.tools.files.bench import Bench


async def test_an_empty_project_says_so() -> None:
    bench = Bench({})
    assert await bench.ok("listFiles") == "Project has no files yet."
    assert await bench.ok("getProjectStructure") == "Project has no files yet."


async def test_an_empty_folder_says_so() -> None:
    bench = Bench({"src/a": ""})
    await bench.ok("deleteFile", path="src/a")
    assert await bench.ok("listFiles", path="src") == "Directory is empty: src"


async def test_generated_folders_are_counted_not_listed() -> None:
    bench = Bench(
        {"src/a.ts": "", **{f"web/node_modules/p/{n}.js": "" for n in range(1_500)}, "z": ""}
    )
    assert await bench.ok("getProjectStructure") == (
        "src/a.ts\nweb/node_modules/ (1,500 files, not listed)\nz"
    )


async def test_a_very_large_project_is_cut_and_says_so() -> None:
    bench = Bench({f"f{n:05}": "" for n in range(1_200)})
    for tool in ("getProjectStructure", "listFiles"):
        lines = (await bench.ok(tool)).split("\n")
        assert len(lines) == 1_001
        assert lines[-1].startswith("[200 more are not shown")


async def test_a_file_is_no_folder() -> None:
    bench = Bench({"a": ""})
    assert "is a file" in await bench.refused("listFiles", path="a")
