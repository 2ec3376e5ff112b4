"""The tools on a Python project."""

from pathlib import Path

from tests.tools.lsp.bench import bench
from tools.workspace.port import RelPath

PROJECT = {
    "shop/__init__.py": "",
    "shop/prices.py": "def add(a: int, b: int) -> int:\n    return a + b\n",
    "main.py": "from shop.prices import add\n\ntotal: int = add(1, 2)\n",
}


async def test_diagnostics_are_of_the_files_as_they_are(tmp_path: Path) -> None:
    async with bench(tmp_path, PROJECT) as lsp:
        clean = "No diagnostics found for main.py."
        assert await lsp.ok("getDiagnostics", path="main.py") == clean
        lsp.write("shop/prices.py", "def add(a: int, b: int) -> str:\n    return ''\n")
        text = await lsp.ok("getDiagnostics", path="main.py")
        assert text.startswith("Found 1 diagnostic(s) (1 errors, 0 warnings, 0 other):\n")
        assert "[error] main.py:3:14 - invalid-assignment:" in text
        lsp.write("shop/prices.py", PROJECT["shop/prices.py"])
        assert await lsp.ok("getDiagnostics", path="main.py") == clean


async def test_names_are_found_over_all_files(tmp_path: Path) -> None:
    async with bench(tmp_path, PROJECT) as lsp:
        assert "[function] add - shop/prices.py:1:" in await lsp.ok("findSymbol", query="add")
        assert await lsp.ok("goToDefinition", path="main.py", line=3, symbol="add") == (
            "Definition found:\n  shop/prices.py:1:5\n  function: add\n"
            "  def add(a: int, b: int) -> int:"
        )
        text = await lsp.ok("getReferences", path="shop/prices.py", line=1, symbol="add")
        assert sorted(line.split()[1] for line in text.splitlines()[1:]) == [
            "main.py:1:25",
            "main.py:3:14",
            "shop/prices.py:1:5",
        ]
        assert "def add" in await lsp.ok("hover", path="main.py", line=3, symbol="add")


async def test_references_show_the_lines_as_they_are_now(tmp_path: Path) -> None:
    async with bench(tmp_path, PROJECT) as lsp:
        asked = {"path": "shop/prices.py", "line": 1, "symbol": "add"}
        before = await lsp.ok("getReferences", **asked)
        assert await lsp.ok("getReferences", **asked) == before
        for price in (11, 12):
            source = PROJECT["main.py"].replace("add(", f"add({price}, 0) + add(")
            lsp.write("main.py", source)
            lsp.place = lsp.new_place()
            now = await lsp.ok("getReferences", **asked)
            assert f"add({price}, 0) + add(" in now
        lsp.write("main.py", PROJECT["main.py"])
        lsp.place = lsp.new_place()
        assert await lsp.ok("getReferences", **asked) == before


async def test_a_rename_reaches_the_importing_file(tmp_path: Path) -> None:
    async with bench(tmp_path, PROJECT) as lsp:
        await lsp.ok("renameSymbol", path="main.py", line=3, symbol="add", newName="plus")
        for path in ("main.py", "shop/prices.py"):
            expected = PROJECT[path].replace("add", "plus").encode()
            assert await lsp.place.files.read(RelPath(path)) == expected


async def test_a_package_that_is_not_installed_is_apart_from_errors(tmp_path: Path) -> None:
    files = PROJECT | {
        "requirements.txt": "requests==2\n",
        "main.py": "import requests\nimport nowhere\nfrom shop import gone\nx: int = ''\n",
    }
    async with bench(tmp_path, files) as lsp:
        head, *lines = (await lsp.ok("getDiagnostics", path="main.py")).splitlines()
        assert head.startswith("Found 2 diagnostic(s)")
        assert "main.py:3:" in lines[0]
        assert "main.py:4:" in lines[1]
        assert lines[2].startswith("Not installed: requests. ")
        assert "the project does not ask for it: nowhere (1" in lines[3]
