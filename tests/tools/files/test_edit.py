import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tools.files.bench import Bench
from tools.text import decode
from tools.workspace.port import MAX_FILE_BYTES

SOURCE = "function a() {\n  return 1;\n}\n\nfunction b() {\n  return 1;\n}\n"


async def test_a_unique_text_is_replaced_and_all_else_stays() -> None:
    bench = Bench({"a.ts": SOURCE})
    text = await bench.ok(
        "editFile", path="a.ts", oldString="a() {\n  return 1", newString="a() {\n  return 2"
    )
    assert text == "Successfully edited a.ts"
    assert bench.text("a.ts") == SOURCE.replace("1", "2", 1)


async def test_a_text_that_occurs_twice_is_refused_with_the_places() -> None:
    bench = Bench({"a.ts": SOURCE})
    text = await bench.refused("editFile", path="a.ts", oldString="return 1", newString="x")
    assert "2 times" in text
    assert "lines 2, 6" in text
    assert bench.text("a.ts") == SOURCE


async def test_replace_all_replaces_every_one() -> None:
    bench = Bench({"a.ts": SOURCE})
    text = await bench.ok(
        "editFile", path="a.ts", oldString="return 1", newString="return 2", replaceAll=True
    )
    assert "2 replacements" in text
    assert bench.text("a.ts") == SOURCE.replace("1", "2")


async def test_a_text_with_other_white_space_is_shown_as_it_really_is() -> None:
    bench = Bench({"a.ts": SOURCE})
    text = await bench.refused(
        "editFile", path="a.ts", oldString="function b() {\n    return 1;", newString="x"
    )
    assert "white space only" in text
    assert "5: function b() {\n6:   return 1;" in text


async def test_a_text_that_is_not_there_is_answered_with_the_nearest_lines() -> None:
    bench = Bench({"a.ts": SOURCE})
    text = await bench.refused("editFile", path="a.ts", oldString="function bb(x) {", newString="x")
    assert "5: function b() {" in text
    assert bench.text("a.ts") == SOURCE


async def test_a_text_like_nothing_in_the_file_says_so() -> None:
    bench = Bench({"a.ts": SOURCE})
    text = await bench.refused("editFile", path="a.ts", oldString="ZZZ@@@###", newString="x")
    assert "Nothing in the file is like it" in text


async def test_an_empty_or_unchanged_text_is_refused() -> None:
    bench = Bench({"a.ts": SOURCE})
    assert "empty" in await bench.refused("editFile", path="a.ts", oldString="", newString="x")
    assert "same" in await bench.refused("editFile", path="a.ts", oldString="a", newString="a")


@pytest.mark.parametrize(
    ("content", "old", "new", "after", "ignored"),
    [
        ("say(“hi”);\n", 'say("hi");', "x", "x\n", "quotes"),
        ("a — b\u00a0c\n", "a - b c", "x", "x\n", "dashes"),
        ("é = 1  \n", "e\u0301 = 1", "x", "x  \n", "accents"),
        ("pre e\u0301e\u0301 post\n", "\u00e9 post", "!", "pre e\u0301!\n", "accents"),
        ("\u1112\u1161\u11ab글 = 1;\n", "\ud55c글 = 1", "x", "x;\n", "accents"),
        ("one  \n\ttwo\t\nthree\n", "one\n\ttwo\nthree", "x", "x\n", "white space at line ends"),
        ("one\ntwo\n", "one  \ntwo ", "x", "x\n", "white space at line ends"),
        ("one\ntwo   \n", "one  \ntwo ", "x", "x\n", "white space at line ends"),
        ("a \u2013 b  \nc\n", "a - b\nc", "x", "x\n", "white space at line ends"),
    ],
)
async def test_a_text_that_is_there_but_for_typography_or_line_ends_is_found_and_that_is_said(
    content: str, old: str, new: str, after: str, ignored: str
) -> None:
    bench = Bench({"a": content})
    text = await bench.ok("editFile", path="a", oldString=old, newString=new)
    assert text.startswith("Successfully edited a. oldString was not there exactly: it was found")
    assert ignored in text
    assert bench.text("a") == after


async def test_the_strictest_match_wins() -> None:
    bench = Bench({"a": "“x”\n'x'\n"})
    text = await bench.ok("editFile", path="a", oldString="'x'", newString="y")
    assert text == "Successfully edited a"
    assert bench.text("a") == "“x”\ny\n"


@pytest.mark.parametrize("old", ["a(“x”)", "b\n\n"])
async def test_places_found_by_ignoring_something_must_be_unique_too(old: str) -> None:
    content = 'a("x")\na("x")\nb \n\nb\t\n\n'
    bench = Bench({"a": content})
    text = await bench.refused("editFile", path="a", oldString=old, newString="y")
    assert "occurs 2 times in a (ignoring " in text
    assert bench.text("a") == content
    await bench.ok("editFile", path="a", oldString=old, newString="y", replaceAll=True)
    assert bench.text("a").count("y") == 2


async def test_a_text_that_overlaps_itself_is_not_unique() -> None:
    bench = Bench({"a": "--+--+--\n"})
    text = await bench.refused("editFile", path="a", oldString="--+--", newString="x")
    assert "occurs 2 times" in text


@pytest.mark.parametrize("old", ["return ", "foo  ", "bar\nfoo ", "  ", "\u00e9\u0323"])
async def test_half_a_word_or_letter_is_not_found(old: str) -> None:
    content = "returns\nfoobar\nfoobar\ne\u0301e\u0301\n"
    bench = Bench({"a": content})
    await bench.refused("editFile", path="a", oldString=old, newString="x")
    assert bench.text("a") == content


async def test_line_ends_and_byte_order_mark_are_kept() -> None:
    bench = Bench({"a": b"\xef\xbb\xbfone\r\ntwo\r\nthree\r\n"})
    await bench.ok("editFile", path="a", oldString="one\ntwo\n", newString="1\n2\n2b\n")
    assert bench.workspace.files["a"] == b"\xef\xbb\xbf1\r\n2\r\n2b\r\nthree\r\n"


async def test_lines_outside_the_edit_keep_even_mixed_line_ends() -> None:
    bench = Bench({"a": b"one\r\ntwo\nthree\r\nfour\n"})
    await bench.ok("editFile", path="a", oldString="two\nthree", newString="2\n3")
    assert bench.workspace.files["a"] == b"one\r\n2\n3\r\nfour\n"


async def test_a_file_changed_since_it_was_read_is_not_edited() -> None:
    bench = Bench({"a.ts": SOURCE})
    await bench.ok("readFile", path="a.ts")
    await bench.someone_writes("a.ts", SOURCE + "// theirs\n")
    text = await bench.refused("editFile", path="a.ts", oldString="a()", newString="c()")
    assert "Read it again" in text


async def test_an_edit_that_was_made_before_a_crash_is_recognised_not_repeated() -> None:
    bench = Bench({"a.ts": SOURCE})
    await bench.ok("readFile", path="a.ts")
    known = dict(bench.place.seen)
    for _ in range(2):
        await bench.ok("editFile", path="a.ts", oldString="a()", newString="a(); a()")
        bench.place.seen.update(known)
    assert bench.text("a.ts") == SOURCE.replace("a()", "a(); a()")


async def test_a_binary_file_is_not_edited() -> None:
    bench = Bench({"a": b"a\0b"})
    assert "binary" in await bench.refused("editFile", path="a", oldString="a", newString="b")


async def test_a_missing_file_comes_with_suggestions() -> None:
    bench = Bench({"src/app.ts": "x"})
    text = await bench.refused("editFile", path="app.ts", oldString="x", newString="y")
    assert "Did you mean: src/app.ts?" in text


@given(
    st.lists(st.sampled_from(["a", "b", "\n", "\r\n", "é"]), max_size=20).map("".join),
    st.data(),
)
@settings(max_examples=300, deadline=None, derandomize=True)
def test_replacing_a_span_by_itself_changes_no_line_outside(raw: str, data: st.DataObject) -> None:
    file = decode(raw.encode())
    assert file is not None
    start = data.draw(st.integers(0, len(file.text)))
    end = data.draw(st.integers(start, len(file.text)))
    edited = file.with_spans([(start, end)], "<>").decode()
    plain = edited.replace("\r\n", "\n")
    assert plain == file.text[:start] + "<>" + file.text[end:]
    before, _, after = edited.partition("<>")
    assert raw.startswith(before)
    assert raw.endswith(after)


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    ("content", "old", "new"),
    [
        ("ab" * 100_000, "a", "x" * 60_000),  # 6 GB
        ("ab" * 5_000_000, "a", "xy"),  # the list of places alone would be half a GB
        (
            "a\r\n" * 90_000,
            "a",
            "\n" * 60_000,
        ),  # 5 GB, and twice that with the line ends of the file
    ],
)
async def test_an_edit_that_multiplies_is_refused_before_it_is_built(
    content: str, old: str, new: str
) -> None:
    bench = Bench({"a.txt": content})
    tracemalloc.start()
    try:
        text = await bench.refused(
            "editFile", path="a.txt", oldString=old, newString=new, replaceAll=True
        )
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert "nothing was changed" in text.lower()
    assert peak_bytes < 150 * 1024 * 1024
    assert bench.text("a.txt") == content


@pytest.mark.timeout(20)
async def test_looking_for_an_edit_made_before_builds_nothing_large() -> None:
    bench = Bench({"a.txt": "ab" * 50_000})
    await bench.ok("readFile", path="a.txt")
    await bench.someone_writes("a.txt", "ab" * 90_000)
    tracemalloc.start()
    try:
        text = await bench.refused("editFile", path="a.txt", oldString="x" * 60_000, newString="a")
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert "Read it again" in text
    assert peak_bytes < 150 * 1024 * 1024


async def test_an_edit_may_fill_a_file_to_its_limit_and_no_further() -> None:
    bench = Bench({"a.txt": "a" + "b" * (MAX_FILE_BYTES - 2)})
    await bench.ok("editFile", path="a.txt", oldString="a", newString="\u00e9")
    text = await bench.refused("editFile", path="a.txt", oldString="\u00e9", newString="\u20ac")
    assert f"{MAX_FILE_BYTES + 1:,} bytes" in text


@pytest.mark.timeout(20)
async def test_a_long_text_that_is_not_there_is_answered_soon() -> None:
    bench = Bench({"a.txt": "a\n" * 1_000_000})
    text = await bench.refused(
        "editFile", path="a.txt", oldString="a \n" * 400_000 + "b", newString=""
    )
    assert "does not occur" in text
