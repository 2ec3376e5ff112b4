"""Patches as Codex writes them; where we differ from it, a test says so."""

import pytest

from tests.tools.files.bench import Bench

FILE = "one\ntwo\nthree\nfour\nfive\n"


def patch(*lines: str) -> str:
    return "\n".join(["*** Begin Patch", *lines, "*** End Patch"])


def update(path: str, *lines: str) -> str:
    return patch(f"*** Update File: {path}", *lines)


async def test_files_are_added_changed_moved_and_deleted_together() -> None:
    bench = Bench({"a.txt": FILE, "old/b.txt": "b\nc\n", "gone.txt": "x"})
    text = await bench.ok(
        "applyPatch",
        patch=patch(
            "*** Add File: new/n.txt",
            "+first",
            "+",
            "+third",
            "*** Update File: a.txt",
            "@@",
            " one",
            "-two",
            "+2",
            "*** Update File: old/b.txt",
            "*** Move to: new/b.txt",
            "@@",
            " b",
            "-c",
            "+d",
            "*** Delete File: gone.txt",
        ),
    )
    assert text == (
        "Successfully applied the patch:\n"
        "A new/n.txt\nM a.txt\nM new/b.txt (moved from old/b.txt)\nD gone.txt"
    )
    assert bench.workspace.files == {
        "new/n.txt": b"first\n\nthird\n",
        "a.txt": FILE.replace("two", "2").encode(),
        "new/b.txt": b"b\nd\n",
    }


@pytest.mark.parametrize(
    ("before", "lines", "after"),
    [
        pytest.param(FILE, ["@@", "-two", "+2", "@@", "-four", "+4"], "one\n2\nthree\n4\nfive\n"),
        pytest.param(FILE, [" one", "+1.5"], "one\n1.5\ntwo\nthree\nfour\nfive\n", id="no header"),
        pytest.param(FILE, ["@@", "-one", "-two", "-three", "-four", "-five"], "", id="all goes"),
        pytest.param(FILE, ["@@", "+six"], FILE + "six\n", id="without old lines it is the end"),
        pytest.param(FILE, ["@@ two", "+2.5"], FILE.replace("two\n", "two\n2.5\n"), id="below"),
        pytest.param("", ["@@", "+one"], "one\n", id="an empty file"),
        pytest.param("a\nx\na\nx\n", ["@@", " a", " x", " a", "-x", "+y"], "a\nx\na\ny\n"),
        pytest.param("a\nx\na\nx\n", ["@@", "-x", "+y", "*** End of File"], "a\nx\na\ny\n"),
        pytest.param(
            "a\n\nb\n", ["@@", " a", "", "-b", "+c"], "a\n\nc\n", id="empty without space"
        ),
        pytest.param("a\nb\n", ["@@", "-a", "+c", "", "@@", "-b", "+d"], "c\nd\n", id="gap"),
        pytest.param("a\nb\n", ["@@", " a", "-b", "+c", " "], "a\nc\n", id="one empty too many"),
        pytest.param("a\nb", ["@@", "-b", "+c"], "a\nc", id="no line end stays none"),
        pytest.param("a\nb", ["@@", "+c"], "a\nb\nc", id="no line end, added"),
        pytest.param("a\nb", ["@@", " b", "+c", "+d"], "a\nb\nc\nd", id="no line end, below"),
        pytest.param("a\r\nb\r\n", ["@@", " a", "-b", "+c", "+d"], "a\r\nc\r\nd\r\n", id="CRLF"),
        pytest.param("\ufeffa\nb\n", ["@@", "-a", "+c"], "\ufeffc\nb\n", id="byte order mark"),
        pytest.param("a\nb\n", ["@@ -1,2 +1,2 @@", "-a", "+c"], "c\nb\n", id="header of git"),
        pytest.param("a\nb\nc\n", ["@@", "-a", "+1", " b", "-c", "+3"], "1\nb\n3\n", id="two runs"),
    ],
)
async def test_hunks(before: str, lines: list[str], after: str) -> None:
    bench = Bench({"a": before})
    assert await bench.ok("applyPatch", patch=update("a", *lines)) == (
        "Successfully applied the patch:\nM a"
    )
    assert bench.text("a") == after


async def test_lines_above_a_hunk_narrow_where_it_is_made() -> None:
    source = "class A:\n  def f():\n    pass\n\nclass B:\n  def f():\n    pass\n"
    bench = Bench({"a.py": source})
    await bench.ok(
        "applyPatch",
        patch=update("a.py", "@@ class B:", "@@   def f():", "-    pass", "+    return 1"),
    )
    assert bench.text("a.py") == source[:-9] + "    return 1\n"


@pytest.mark.parametrize(
    ("before", "lines", "after", "ignored"),
    [
        ("a  \nb\n", [" a", "-b", "+c"], "a  \nc\n", "white space at line ends"),
        ("\ta\n\tb\n", ["-  b", "+\tc"], "\ta\n\tc\n", "indentation;"),
        ("“a” \u2013 b\nc\n", [' "a" - b', "-c", "+d"], "“a” \u2013 b\nd\n", "quotes, dashes"),
        ("e\u0301\nc\n", [" \u00e9", "-c", "+d"], "e\u0301\nd\n", "accents"),
    ],
)
async def test_as_tolerant_as_codex_but_lines_that_stay_keep_their_bytes_and_it_is_said(
    before: str, lines: list[str], after: str, ignored: str
) -> None:
    bench = Bench({"a": before})
    text = await bench.ok("applyPatch", patch=update("a", "@@", *lines))
    assert "hunk 1 of a (line 3 of the patch) was found at line" in text
    assert ignored in text
    assert bench.text("a") == after


async def test_of_several_places_the_first_is_taken_and_the_next_is_named() -> None:
    bench = Bench({"a": "x\ny\nx\n"})
    text = await bench.ok("applyPatch", patch=update("a", "@@", "-x", "+z"))
    assert "was made at line 1; the same lines also stand at line 3." in text
    assert bench.text("a") == "z\ny\nx\n"


@pytest.mark.parametrize(
    "text",
    [
        "<<'EOF'\n{patch}\nEOF",
        "apply_patch <<EOF\n{patch}\nEOF\n",
        "```\n{patch}\n```",
        "```diff\n{patch}\n```",
        "\n\n  {patch}  \n",
    ],
)
async def test_what_stands_around_a_patch_does_not_matter(text: str) -> None:
    bench = Bench({"a": "x\n"})
    one = "*** Begin Patch \n*** Update File:  a \n@@\n-x\n+y\n  *** End Patch"
    await bench.ok("applyPatch", patch=text.replace("{patch}", one))
    assert bench.text("a") == "y\n"


async def test_crlf_in_the_patch_is_no_part_of_the_lines() -> None:
    bench = Bench({"a": "x\nz\n"})
    await bench.ok("applyPatch", patch=update("a", "@@", "-x", "+y").replace("\n", "\r\n"))
    assert bench.text("a") == "y\nz\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "first line must be '*** Begin Patch'"),
        ("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-x\n+y", "first line must be '*** Begin Patch'"),
        ("*** Begin Patch\n*** Delete File: a", "last line must be '*** End Patch'"),
        ("*** Begin Patch", "last line must be"),
        (patch(), "changes no file"),
        (patch("*** Frobnicate File: a"), "on line 2, so nothing was changed: '*** Frobnicate"),
        (patch("a"), "'a' is no header"),
        (update("a"), "the update of a has no hunk"),
        (update("a", "@@"), "on line 3, so nothing was changed: the hunk has no lines"),
        (update("a", "@@", "*** End of File"), "the hunk has no lines"),
        (update("a", "@@", "x"), "on line 4, so nothing was changed: every line of a hunk"),
        (update("a", "@@", "-x", "+y", "z"), "on line 6"),
        (patch("*** Add File: b", "no plus"), "every line of a file that is added begins with +"),
        (patch("*** Delete File: a", "-x"), "'-x' is no header"),
        (update("../a", "@@", "-x"), "leaves the project"),
        (update("/etc/passwd", "@@", "-x"), "is not relative to the project"),
        (update("a", "*** Move to: C:\\b"), "C:"),
        (patch("*** Add File: .git/hooks/pre-commit", "+x"), "is inside '.git'"),
        (patch("*** Add File: ", "+x"), "names no file"),
        (patch("*** Begin Patch", "*** Delete File: a", "*** End Patch"), "is no header"),
    ],
)
async def test_what_is_no_patch_is_refused_with_its_line(text: str, words: str) -> None:
    bench = Bench({"a": "x\n"})
    assert words in await bench.refused("applyPatch", patch=text)
    assert bench.workspace.files == {"a": b"x\n"}


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["@@", " one", "-twoo", "+2"], "The nearest lines are:\n1: one\n2: two\n3: three"),
        (["@@", "-six", "+6", "*** End of File"], "its lines are not at the end of the file"),
        (["@@", "-two", "+2", "*** End of File"], "They are at line 2"),
        (["@@", "-four", "+4", "@@", "-two", "+2"], "hunk 2 of a (line 7 of the patch)"),
        (["@@", "-four", "+4", "@@", "-two", "+2"], "not in the file after line 4. They are at"),
        (["@@", " one", "-zwei", "+two", " three"], "is there already, at line 1"),
        (["@@ class Nothing", "-two", "+2"], "no line 'class Nothing' stands after line 0"),
        (["@@ four", "-two", "+2"], "not in the file after line 4"),
        (["@@", " one", "-two three", "+2"], "does not fit"),
    ],
)
async def test_a_hunk_that_does_not_fit_is_answered_with_what_is_there(
    lines: list[str], words: str
) -> None:
    bench = Bench({"a": FILE, "b": "b\n"})
    text = await bench.refused(
        "applyPatch", patch=patch("*** Delete File: b", "*** Update File: a", *lines)
    )
    assert text.startswith("The patch was not applied, and no file was changed:\n- hunk ")
    assert words in text
    assert bench.workspace.files == {"a": FILE.encode(), "b": b"b\n"}
    assert not bench.place.seen


async def test_every_file_that_does_not_fit_is_named() -> None:
    bench = Bench({"a": FILE, "b": "b\n", "src/d.ts": ""})
    text = await bench.refused(
        "applyPatch",
        patch=patch(
            "*** Update File: a",
            "@@",
            "-nothing like it",
            "*** Add File: c",
            "+c",
            "*** Delete File: d.ts",
            "*** Update File: b",
            "*** Move to: a",
        ),
    )
    assert [line[:24] for line in text.split("\n") if line.startswith("- ")] == [
        "- hunk 1 of a (line 3 of",
        "- File not found: d.ts",
        "- a exists already. Choo",  # Codex replaces what stands there
    ]
    assert "Did you mean: src/d.ts?" in text
    assert sorted(bench.workspace.files) == ["a", "b", "src/d.ts"]


async def test_a_file_that_nobody_has_read_is_not_replaced_by_an_added_one() -> None:
    bench = Bench({"a": "old\n"})
    add = patch("*** Add File: a", "+new")
    assert "you have not read it" in await bench.refused("applyPatch", patch=add)
    await bench.ok("readFile", path="a")
    await bench.ok("applyPatch", patch=add)
    assert bench.text("a") == "new\n"


async def test_a_file_changed_since_it_was_read_stops_the_patch() -> None:
    bench = Bench({"a": FILE, "b": "b\n"})
    await bench.ok("readFile", path="a")
    await bench.someone_writes("a", FILE + "theirs\n")
    for lines in (["*** Update File: a", "@@", "-two", "+2"], ["*** Delete File: a"]):
        text = await bench.refused(
            "applyPatch", patch=patch("*** Update File: b", "@@", "-b", "+c", *lines)
        )
        assert "Read it again" in text
    assert bench.text("b") == "b\n"


async def test_what_a_patch_has_written_is_known_afterwards() -> None:
    bench = Bench({"a": FILE, "b": "b\n", "c": "c\n"})
    for path in "abc":
        await bench.ok("readFile", path=path)
    await bench.ok(
        "applyPatch",
        patch=patch(
            "*** Update File: a",
            "*** Move to: d",
            "@@",
            "-two",
            "+2",
            "*** Delete File: b",
            "*** Add File: e",
            "+e",
        ),
    )
    assert sorted(bench.place.seen) == ["c", "d", "e"]
    await bench.ok("writeFile", path="d", content="all new")
    await bench.someone_writes("b", "another b\n")
    await bench.ok("editFile", path="b", oldString="another", newString="their")


async def test_one_file_may_come_up_several_times() -> None:
    bench = Bench({"a": FILE})
    await bench.ok(
        "applyPatch",
        patch=patch(
            "*** Update File: a",
            "@@",
            "-two",
            "+2",
            "*** Update File: a",
            "*** Move to: b",
            "@@",
            " 2",
            "-three",
            "+3",
            "*** Add File: a",
            "+new",
            "*** Update File: b",
            "@@",
            "-four",
            "*** Delete File: a",
        ),
    )
    assert bench.workspace.files == {"b": b"one\n2\n3\nfive\n"}


async def test_folders_and_binary_files_are_not_patched() -> None:
    bench = Bench({"src/a": "a\n", "b": b"\0"})
    for lines, words in [
        (["*** Delete File: src"], "src is a folder"),
        (["*** Update File: src", "*** Move to: lib"], "src is a folder"),
        (["*** Update File: src", "@@", "-a"], "src is a folder"),
        (["*** Update File: b", "@@", "-a"], "binary file"),
    ]:
        assert words in await bench.refused("applyPatch", patch=patch(*lines))
    await bench.ok("applyPatch", patch=patch("*** Update File: b", "*** Move to: c"))
    assert bench.workspace.files == {"src/a": b"a\n", "c": b"\0"}
