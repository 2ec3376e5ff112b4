import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tools.paths import MAX_PATH_CHARS, ROOT, confine, confine_folder, is_within
from tools.workspace import BadPath, RelPath


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("a.ts", "a.ts"),
        ("./src/a.ts", "src/a.ts"),
        ("src//a.ts", "src/a.ts"),
        ("src/a/", "src/a"),
        ("src/./a.ts", "src/a.ts"),
        (".env", ".env"),
        (".github/workflows/ci.yml", ".github/workflows/ci.yml"),
        ("app/[id]/(group)/@slot/page.tsx", "app/[id]/(group)/@slot/page.tsx"),
        ("with space/näme ☃.txt", "with space/näme ☃.txt"),
        ("cafe\u0301.txt", "caf\u00e9.txt"),
        ("...", None),
        ("a..b/c", "a..b/c"),
    ],
)
def test_a_path_is_cleaned_or_refused(text: str, path: str | None) -> None:
    if path is None:
        with pytest.raises(BadPath):
            confine(text)
    else:
        assert confine(text) == path


@pytest.mark.parametrize(
    "text",
    [
        *("", ".", "/", "..", "../a", "a/../../b", "a/..", "src/../a.ts"),
        *("/etc/passwd", "//host/share", "~", "~/.ssh/id_rsa", "C:\\x", "c:/x", "\\\\host\\x"),
        *(
            "a\\b",
            "..\\a",
            "a\0b",
            "a\nb",
            "a\x1bb",
            "a\u202eb",
            "a\u200bb",
            "a\u2028b",
            "a\ud800b",
        ),
        *("a.", "a./b", " a", "a ", "a/ b", ".. /x", ". ./x", "a:b", "a.txt::$DATA"),
        *(".git", ".git/config", ".GIT/config", "a/.Git/hooks/pre-commit", ".git/", "git~1/config"),
        *("\uff0egit/config", ".g\uff29t/config", ".polaris/x", ".polaris-tmp-1"),
        *("x" * (MAX_PATH_CHARS + 1), "x" * 256, "☃" * 100),
    ],
)
def test_what_leaves_the_project_or_tricks_a_disk_is_refused(text: str) -> None:
    with pytest.raises(BadPath, match=r"such as 'src/app.ts'"):
        confine(text)


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
