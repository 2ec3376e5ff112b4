from tests.tools.files.bench import Bench


async def test_an_empty_project_says_so() -> None:
    bench = Bench({})
    assert await bench.ok("listFiles") == "Project has no files yet."
    assert await bench.ok("getProjectStructure") == "Project has no files yet."


async def test_an_empty_folder_says_so() -> None:
    bench = Bench({"src/a": ""})
    await bench.ok("deleteFile", path="src/a")
    assert await bench.ok("listFiles", path="src") == "Directory is empty: src"


async def test_a_very_large_folder_is_cut_and_says_so() -> None:
    bench = Bench({f"f{n:05}": "" for n in range(1_200)})
    lines = (await bench.ok("listFiles")).split("\n")
    assert len(lines) == 1_001
    assert lines[-1].startswith("[200 more are not shown")


async def test_a_file_is_no_folder() -> None:
    bench = Bench({"a": ""})
    assert "is a file" in await bench.refused("listFiles", path="a")
