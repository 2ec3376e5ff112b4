"""Lines that were shown before are those of the file as it is now, or are not known."""

import re
from dataclasses import replace

import pytest

from tools.lsp.known_lines import MAX_CHARS, KnownLines
from tools.lsp.positions import Lines
from tools.lsp.watching import Look
from tools.workspace.port import RelPath
from tools.workspace.scan import Stamp

PATH = RelPath("a.ts")
STAMP = Stamp(size_bytes=3, mtime_ns=100, inode=7)
SEEN = Look(files={PATH: STAMP}, settled_before_ns=200)
TEXT = Lines.of("a\nb")


def test_a_file_that_shows_no_change_is_known() -> None:
    known = KnownLines()
    assert known.get(PATH, SEEN) is None
    known.put(PATH, SEEN, TEXT)
    assert known.get(PATH, SEEN) == (TEXT,)
    known.put(PATH, SEEN, None)
    assert known.get(PATH, SEEN) == (None,)  # that it is no text is known, too


@pytest.mark.parametrize(
    "seen",
    [
        Look(settled_before_ns=200),
        Look(files={PATH: replace(STAMP, size_bytes=4)}, settled_before_ns=200),
        Look(files={PATH: replace(STAMP, mtime_ns=101)}, settled_before_ns=200),
        Look(files={PATH: replace(STAMP, inode=8)}, settled_before_ns=200),
        Look(files={PATH: STAMP}, settled_before_ns=99),
    ],
    ids=["gone", "other size", "other time", "other file", "changed just now"],
)
def test_a_file_that_may_have_changed_is_not(seen: Look) -> None:
    known = KnownLines()
    known.put(PATH, SEEN, TEXT)
    assert known.get(PATH, seen) is None
    known.put(PATH, seen, TEXT)
    assert known.get(PATH, SEEN) is None


def test_the_ones_used_longest_ago_go() -> None:
    known = KnownLines()
    paths = [RelPath(f"{number}.ts") for number in range(5)]
    seen = Look(files=dict.fromkeys(paths, STAMP), settled_before_ns=200)
    quarter = Lines.of("x" * (MAX_CHARS // 4))
    for path in paths[:3]:
        known.put(path, seen, quarter)
    assert known.get(paths[0], seen) is not None
    for path in paths[3:]:
        known.put(path, seen, quarter)
    assert [known.get(path, seen) is not None for path in paths] == [True, False, False, True, True]


@pytest.mark.parametrize(
    "text", ["", "\n", "a", "a\n", "a\nb", "\n\na\n\n", "é\n😀\n", "a\fb\u2028c"]
)
def test_lines_are_those_of_the_protocol_whatever_way_they_are_found(text: str) -> None:
    breaks = [match.span() for match in re.finditer(r"\r\n|\n|\r", text)]
    lines = Lines.of(text)
    assert lines.starts == (0, *(end for _, end in breaks))
    assert lines.ends == (*(start for start, _ in breaks), len(text))
    with_returns = Lines.of(text.replace("\n", "\r\n"))
    assert [with_returns.line(n) for n in range(len(with_returns))] == text.split("\n")
