"""Any change of a file, written as a patch, gives that change; so does each change of spaces."""

import difflib

from hypothesis import given, settings
from hypothesis import strategies as st

from tools.files.patch.changing import patched
from tools.files.patch.grammar import UpdateFile, parse
from tools.text import decode
from tools.workspace.port import RelPath

lines = st.lists(st.sampled_from(["a", "b", "  c", "{", "}", "", "return x;"]), max_size=14)


def patch_of(before: list[str], after: list[str], context: int) -> str:
    """What a model that knows the file would write: hunks with lines around, in order."""
    hunks: list[str] = []
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    for group in matcher.get_grouped_opcodes(context):
        hunks.append("@@")
        for tag, first, last, new_first, new_last in group:
            if tag == "equal":
                hunks += [f" {line}" for line in before[first:last]]
                continue
            hunks += [f"-{line}" for line in before[first:last]]
            hunks += [f"+{line}" for line in after[new_first:new_last]]
        if group[-1][2] == len(before):
            hunks.append("*** End of File")
    return "\n".join(["*** Begin Patch", "*** Update File: a", *hunks, "*** End Patch"])


def apply(raw: str, text: str) -> str:
    [update] = parse(text)
    assert isinstance(update, UpdateFile)
    file = decode(raw.encode())
    assert file is not None
    return patched(RelPath("a"), file, update.hunks).data.decode()


def joined(content: list[str], end: str) -> str:
    return "".join(f"{line}{end}" for line in content)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(lines, lines, st.sampled_from(["\n", "\r\n"]))
def test_a_change_with_all_lines_around_it_is_made(
    before: list[str], after: list[str], end: str
) -> None:
    if before == after:
        return
    patch = patch_of(before, after, context=100)
    made = apply(joined(before, end), patch)
    # An empty file has no line ends to follow.
    assert made == joined(after, end if before else "\n")


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.integers(1, 40), st.data())
def test_changes_of_lines_that_differ_are_made_with_one_line_around(
    count: int, data: st.DataObject
) -> None:
    before = [f"line {number}" for number in range(count)]
    after = [
        changed_line
        for line in before
        for changed_line in data.draw(st.sampled_from([[line], [], [f"{line}!"], [line, "new"]]))
    ]
    if before == after:
        return
    assert apply(joined(before, "\n"), patch_of(before, after, context=1)) == joined(after, "\n")


@settings(max_examples=300, deadline=None, derandomize=True)
@given(lines.filter(bool), st.data())
def test_lines_that_stay_keep_the_spaces_that_the_patch_does_not_have(
    before: list[str], data: st.DataObject
) -> None:
    spaced = [line + data.draw(st.sampled_from(["", " ", "\t"])) for line in before]
    patch = "\n".join(
        [
            "*** Begin Patch",
            "*** Update File: a",
            "@@",
            *(f" {line}" for line in before),
            "+added",
            "*** End Patch",
        ]
    )
    assert apply(joined(spaced, "\n"), patch) == joined([*spaced, "added"], "\n")
