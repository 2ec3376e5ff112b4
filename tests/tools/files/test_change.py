from tests.tools.files.bench import Bench


async def test_a_folder_is_deleted_with_its_content() -> None:
    bench = Bench({"src/a": "", "src/deep/b": "", "c": ""})
    assert await bench.ok("deleteFile", path="src") == "Successfully deleted src"
    assert bench.workspace.files == {"c": b""}


async def test_the_project_itself_cannot_be_deleted() -> None:
    bench = Bench({"a": "x"})
    for path in (".", "/", "./", ".."):
        await bench.refused("deleteFile", path=path)
    assert bench.workspace.files == {"a": b"x"}


async def test_a_file_changed_since_it_was_read_is_not_deleted() -> None:
    bench = Bench({"a": "x"})
    await bench.ok("readFile", path="a")
    await bench.someone_writes("a", "theirs")
    await bench.refused("deleteFile", path="a")
    assert bench.text("a") == "theirs"


async def test_what_was_read_stays_known_under_the_new_name() -> None:
    bench = Bench({"src/a": "old"})
    await bench.ok("readFile", path="src/a")
    text = await bench.ok("renameFile", path="src", newPath="lib")
    assert text == "Successfully renamed src to lib"
    await bench.ok("writeFile", path="lib/a", content="new")
    assert bench.workspace.files == {"lib/a": b"new"}


async def test_a_rename_onto_something_is_refused() -> None:
    bench = Bench({"a": "a", "b": "b"})
    assert "exists already" in await bench.refused("renameFile", path="a", newPath="b")
    assert "File not found: c" in await bench.refused("renameFile", path="c", newPath="d")
    await bench.refused("renameFile", path="a", newPath="../a")
    assert bench.workspace.files == {"a": b"a", "b": b"b"}


async def test_a_folder_is_created_with_its_parents_and_once() -> None:
    bench = Bench({"a": "a"})
    text = await bench.ok("createFolder", path="src/deep")
    assert text == "Successfully created folder src/deep"
    assert await bench.ok("createFolder", path="src/deep/") == "Folder exists already: src/deep"
    assert await bench.ok("listFiles", path="src") == "[folder] deep"
    assert await bench.ok("listFiles", path="src/deep") == "Directory is empty: src/deep"
    assert "is a file, not a folder" in await bench.refused("createFolder", path="a")
    assert "a is a file" in await bench.refused("createFolder", path="a/b")
    assert "only in case" in await bench.refused("createFolder", path="SRC")
    for path in ("", ".", "../x", "/x", ".git"):
        await bench.refused("createFolder", path=path)
