import json
import string
import subprocess
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.node import NODE
from tools.workspace.paths import ROOT, confine, confine_folder, is_within
from tools.workspace.port import BadPath, RelPath

ROOT_FOLDER = Path(__file__).parents[3]


Written = str | list[tuple[str, int]]

TABLE: dict[str, list[Any]] = json.loads(
    (Path(__file__).parents[2] / "contracts" / "paths.json").read_bytes()
)


def text_of(written: Written) -> str:
    if isinstance(written, str):
        return written
    return "".join(text * times for text, times in written)


def shown(text: str) -> str:
    return ascii(text[:30]) + (f"…{len(text)}" if len(text) > 30 else "")


@pytest.mark.parametrize("path", [text_of(path) for path in TABLE["taken"]], ids=shown)
def test_a_path_is_taken_as_it_is(path: str) -> None:
    assert confine(path) == path


@pytest.mark.parametrize(("text", "path"), TABLE["composed"], ids=shown)
def test_a_name_is_one_name_in_every_spelling(text: str, path: str) -> None:
    assert confine(text) == confine(path) == path


@pytest.mark.parametrize(("text", "path"), TABLE["tidied"], ids=shown)
def test_what_a_model_writes_around_a_path_is_tidied(text: str, path: str) -> None:
    assert confine(text) == path


@pytest.mark.parametrize("text", [text_of(path) for path in TABLE["refused"]], ids=shown)
def test_what_leaves_the_project_or_tricks_a_disk_is_refused(text: str) -> None:
    with pytest.raises(BadPath, match=r"such as 'src/app\.ts'"):
        confine(text)


JUDGE = """
import { readFileSync, writeFileSync } from "node:fs";
import { checkedPath } from "PATHS";

function judged(path) {
  try {
    return checkedPath(path);
  } catch (error) {
    if (error.data?.code !== "bad_path") throw error;
    return null;
  }
}
process.stdout.write(JSON.stringify(JSON.parse(readFileSync(0, "utf8")).map(judged)));
"""


def test_both_languages_judge_every_character_alike(tmp_path: Path) -> None:
    """Of the characters that Python's Unicode has: a newer one composes a few more."""
    ranges = [(0, 0x3400), (0xA000, 0xAC80), (0xD7A0, 0x12000), (0x13000, 0x13500)]
    ranges += [(0x1B000, 0x1BD00), (0x1D000, 0x1F900), (0x2F800, 0x2FA20), (0xE0000, 0xE0200)]
    known = [
        chr(code)
        for first, end in ranges  # without the blocks where one is like the other
        for code in range(first, end)
        if unicodedata.category(chr(code)) not in {"Cn", "Co"}
    ]
    paths = [f"{c}" for c in known] + [f"a{c}\u0301b" for c in known] + [f"{c}git" for c in known]
    judge = tmp_path / "judge.ts"
    judge.write_text(JUDGE.replace("PATHS", str(ROOT_FOLDER / "convex" / "model" / "paths.ts")))
    done = subprocess.run(  # noqa: S603 - our own script
        [NODE, "--disable-warning=ExperimentalWarning", judge],
        input=json.dumps(paths).encode(),
        capture_output=True,
        check=True,
    )
    theirs = json.loads(done.stdout)
    ours = [judged(path) for path in paths]
    assert [
        (ascii(path), our, their)
        for path, our, their in zip(paths, ours, theirs, strict=True)
        if our != their
    ] == []


def judged(path: str) -> str | None:
    try:
        return confine(path)
    except BadPath:
        return None


@pytest.mark.parametrize("text", ["", ".", "./", "/"])
def test_the_project_itself_is_a_folder(text: str) -> None:
    assert confine_folder(text) == ROOT


@given(
    st.text(alphabet=string.printable + "\0.\\/:~ é\u202e☃\u0130\u0131\u017f\u212a", max_size=30)
)
@settings(max_examples=500, deadline=None, derandomize=True)
def test_an_accepted_path_stays_inside_and_is_stable(text: str) -> None:
    try:
        path = confine(text)
    except BadPath:
        return
    names = path.split("/")
    assert all(name not in {"", ".", ".."} for name in names)
    assert not any(name.casefold() == ".git" for name in names)
    assert "\0" not in path
    assert confine(path) == path


def test_below_is_by_whole_names() -> None:
    assert is_within(RelPath("src/a"), RelPath("src"))
    assert is_within(RelPath("src"), RelPath("src"))
    assert is_within(RelPath("src"), ROOT)
    assert not is_within(RelPath("src2/a"), RelPath("src"))
