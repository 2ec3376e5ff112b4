from typing import Any

from tests.tools.files.bench import Bench
from tools.files.multi_edit import MAX_EDITS


def edit(path: str, old: str, new: str, **more: Any) -> dict[str, Any]:
    return {"path": path, "oldString": old, "newString": new, **more}


async def test_all_edits_are_made_in_their_order() -> None:
    bench = Bench({"a": "one two\n", "src/b": b"x\r\nx\r\n"})
    edits = [
        edit("a", "one", "1"),
        edit("./src/b", "x", "y", replaceAll=True),
        edit("a", "1 two", "12"),
    ]
    text = await bench.ok("multiEdit", edits=edits)
    assert text == "Successfully made 3 edits in a, src/b\nEdit 2, src/b (2 replacements)"
    assert bench.workspace.files == {"a": b"12\n", "src/b": b"y\r\ny\r\n"}


async def test_one_that_cannot_be_made_stops_all_and_is_named() -> None:
    bench = Bench({"a": "one\n", "b": "two\n"})
    edits = [edit("a", "one", "1"), edit("b", "twoo", "2"), edit("a", "1", "x")]
    text = await bench.refused("multiEdit", edits=edits)
    assert text.startswith(
        "Edit 2 of 3 cannot be made; the edits before it were not made either. oldString does not "
        "occur in b"
    )
    assert "1: two" in text
    assert bench.workspace.files == {"a": b"one\n", "b": b"two\n"}
    assert not bench.place.seen


async def test_each_edit_is_checked_as_editfile_would() -> None:
    bench = Bench({"a": "x x\n", "b": b"\0", "c": "c\n"})
    for wrong, words in [
        (edit("a", "x", "y"), "occurs 2 times"),
        (edit("a", "", "y"), "oldString is empty"),
        (edit("a", "x", "x"), "the same"),
        (edit("b", "x", "y"), "binary file"),
        (edit("nope", "x", "y"), "File not found: nope"),
        (edit("../a", "x", "y"), "leaves the project"),
    ]:
        text = await bench.refused("multiEdit", edits=[edit("c", "c", "d"), wrong])
        assert "Edit 2 of 2" in text or "../a" in text
        assert words in text
    assert bench.text("c") == "c\n"


async def test_an_edit_that_an_earlier_one_has_made_impossible_is_refused() -> None:
    bench = Bench({"a": "one two\n"})
    text = await bench.refused(
        "multiEdit", edits=[edit("a", "one two", "x"), edit("a", "two", "2")]
    )
    assert "Edit 2 of 2" in text
    assert bench.text("a") == "one two\n"


async def test_a_file_changed_since_it_was_read_stops_all() -> None:
    bench = Bench({"a": "one\n", "b": "two\n"})
    await bench.ok("readFile", path="b")
    await bench.someone_writes("b", "two, theirs\n")
    edits = [edit("a", "one", "1"), edit("b", "two", "2")]
    assert "Read it again" in await bench.refused("multiEdit", edits=edits)
    assert bench.text("a") == "one\n"
    await bench.ok("readFile", path="b")
    await bench.ok("multiEdit", edits=edits)
    await bench.ok("multiEdit", edits=[edit("a", "1", "one"), edit("b", "2", "two")])
    assert bench.text("b") == "two, theirs\n"


async def test_what_was_found_by_ignoring_something_is_said() -> None:
    bench = Bench({"a": "“one”\n", "b": "two\n"})
    text = await bench.ok("multiEdit", edits=[edit("b", "two", "2"), edit("a", '"one"', "1")])
    assert "Edit 2, a. oldString was not there exactly" in text
    assert "Edit 1" not in text


async def test_too_many_edits_are_refused_in_words() -> None:
    bench = Bench({"a": "x" * 20_000})
    text = await bench.refused("multiEdit", edits=[edit("a", "x", "y")] * 10_000)
    assert f"at most {MAX_EDITS}" in text
    assert len(text) < 1_000
    assert "oldString" in await bench.refused("multiEdit", edits=[{"path": "a"}])
    assert "edits" in await bench.refused("multiEdit", edits=[])
