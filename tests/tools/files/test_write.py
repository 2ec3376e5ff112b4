from tests.tools.files.bench import Bench


async def test_a_new_file_is_created_with_its_folders() -> None:
    bench = Bench({})
    assert await bench.ok("writeFile", path="src/a.ts", content="x") == (
        "Successfully wrote to src/a.ts"
    )
    assert bench.text("src/a.ts") == "x"


async def test_a_file_that_was_read_can_be_replaced() -> None:
    bench = Bench({"a": "old"})
    await bench.ok("readFile", path="a")
    await bench.ok("writeFile", path="a", content="new")
    await bench.ok("writeFile", path="a", content="newer")
    assert bench.text("a") == "newer"


async def test_a_file_that_was_never_read_is_not_replaced() -> None:
    bench = Bench({"a": "precious"})
    assert "have not read it" in await bench.refused("writeFile", path="a", content="new")
    assert bench.text("a") == "precious"


async def test_an_empty_file_can_be_filled_unread() -> None:
    bench = Bench({"a": ""})
    await bench.ok("writeFile", path="a", content="new")


async def test_a_file_that_changed_since_it_was_read_is_not_replaced() -> None:
    bench = Bench({"a": "old"})
    await bench.ok("readFile", path="a")
    await bench.someone_writes("a", "theirs")
    assert "Read it again" in await bench.refused("writeFile", path="a", content="mine")
    assert bench.text("a") == "theirs"
    await bench.ok("readFile", path="a")
    await bench.ok("writeFile", path="a", content="mine")


async def test_a_file_that_was_deleted_since_it_was_read_is_not_brought_back_unseen() -> None:
    bench = Bench({"a": "old"})
    await bench.ok("readFile", path="a")
    await bench.someone_deletes("a")
    await bench.refused("writeFile", path="a", content="mine")
    await bench.refused("readFile", path="a")
    await bench.ok("writeFile", path="a", content="mine")


async def test_writing_what_is_there_succeeds_and_changes_nothing() -> None:
    bench = Bench({"a": "same"})
    await bench.ok("writeFile", path="a", content="same")


async def test_a_replaced_file_keeps_its_line_ends_and_byte_order_mark() -> None:
    bench = Bench({"a": b"\xef\xbb\xbfone\r\ntwo\r\n"})
    await bench.ok("readFile", path="a")
    await bench.ok("writeFile", path="a", content="one\nthree\n")
    assert bench.workspace.files["a"] == b"\xef\xbb\xbfone\r\nthree\r\n"


async def test_without_room_the_old_content_stays_and_the_model_is_told() -> None:
    bench = Bench({"a": "old"}, room_bytes=10)
    await bench.ok("readFile", path="a")
    assert "no room" in await bench.refused("writeFile", path="a", content="x" * 100)
    assert bench.text("a") == "old"


async def test_a_path_outside_is_refused_in_words() -> None:
    bench = Bench({})
    for path in ("../a", "/etc/passwd", ".git/config", ".GIT/hooks/post-commit", "a\0b"):
        await bench.refused("writeFile", path=path, content="x")
    assert bench.workspace.files == {}
