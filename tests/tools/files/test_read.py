import tracemalloc

import pytest

from tests.tools.files.bench import Bench
from tools.files.read import MAX_BYTES


async def test_a_whole_file_is_shown_as_it_is() -> None:
    bench = Bench({"a": "one\ntwo\n", "b": "one\ntwo", "empty": "", "newline": "\n"})
    assert await bench.ok("readFile", path="a") == "one\ntwo\n"
    assert await bench.ok("readFile", path="b") == "one\ntwo"
    assert await bench.ok("readFile", path="empty") == ""
    assert await bench.ok("readFile", path="newline") == "\n"


async def test_a_long_file_is_cut_and_says_how_to_go_on() -> None:
    bench = Bench({"a": "".join(f"line {n}\n" for n in range(1, 5_001))})
    first = await bench.ok("readFile", path="a")
    assert first.endswith("line 2000\n\n[Lines 1-2000 of 5000. Read on with offset 2001.]")
    second = await bench.ok("readFile", path="a", offset=2_001)
    assert second.startswith("line 2001\n")
    last = await bench.ok("readFile", path="a", offset=4_999)
    assert last == "line 4999\nline 5000\n\n[Lines 4999-5000 of 5000.]"


async def test_a_part_can_be_asked_for() -> None:
    bench = Bench({"a": "1\n2\n3\n4\n"})
    text = await bench.ok("readFile", path="a", offset=2, limit=2)
    assert text == "2\n3\n\n[Lines 2-3 of 4. Read on with offset 4.]"


async def test_not_more_than_50_kib_are_shown() -> None:
    bench = Bench({"a": "".join("é" * 500 + "\n" for _ in range(200))})
    text = await bench.ok("readFile", path="a")
    assert len(text.encode()) < MAX_BYTES + 200
    assert "[Lines 1-51 of 200. Read on with offset 52.]" in text


async def test_a_very_long_line_is_cut() -> None:
    bench = Bench({"a.min.js": "x" * 100_000})
    text = await bench.ok("readFile", path="a.min.js")
    assert text == "x" * 2_000 + " [... line cut: 100,000 characters]"


async def test_an_offset_past_the_end_names_the_length() -> None:
    bench = Bench({"a": "1\n2\n"})
    assert "has 2 lines" in await bench.refused("readFile", path="a", offset=3)


async def test_line_ends_and_the_byte_order_mark_are_not_shown() -> None:
    bench = Bench({"a": b"\xef\xbb\xbfone\r\ntwo\r\n"})
    assert await bench.ok("readFile", path="a") == "one\ntwo\n"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0", "PNG image"),
        (b"abc\0def", "binary file"),
        (bytes(range(1, 9)) * 10, "binary file"),
        ("naïve".encode("latin-1"), "not UTF-8"),
        ("text".encode("utf-16"), "binary"),
    ],
)
async def test_a_binary_file_is_named_not_shown(data: bytes, words: str) -> None:
    bench = Bench({"a": data})
    text = await bench.refused("readFile", path="a")
    assert words in text
    assert f"{len(data)} bytes" in text


async def test_a_folder_is_no_file() -> None:
    bench = Bench({"src/a": "x"})
    assert "is a folder" in await bench.refused("readFile", path="src")


async def test_a_missing_file_comes_with_up_to_three_suggestions() -> None:
    files: dict[str, str | bytes] = {
        "src/components/Button.tsx": "",
        "src/Buttons.tsx": "",
        "src/button.test.tsx": "",
        "src/Butter.tsx": "",
        "README.md": "",
    }
    bench = Bench(files)
    text = await bench.refused("readFile", path="src/Button.tsx")
    assert text.startswith(
        "File not found: src/Button.tsx\nDid you mean: src/components/Button.tsx, "
    )
    assert text.count(",") == 2
    assert "README" not in text
    assert "?" not in await bench.refused("readFile", path="nothing/like/it.zig")


async def test_an_offset_of_any_size_is_answered() -> None:
    bench = Bench({"a": "one\ntwo\n"})
    assert "has 2 lines" in await bench.refused("readFile", path="a", offset=10**30)
    assert await bench.ok("readFile", path="a", offset=2) == "two\n\n[Lines 2-2 of 2.]"


async def test_a_file_of_nothing_but_line_ends_is_read_without_a_list_of_them() -> None:
    bench = Bench({"a": "ab\n" * 3_000_000})
    tracemalloc.start()
    try:
        text = await bench.ok("readFile", path="a", limit=2)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert text == "ab\nab\n\n[Lines 1-2 of 3000000. Read on with offset 3.]"
    assert peak_bytes < 60_000_000
