import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.search.globs import BadGlob, glob_of
from tools.search.listing import ALWAYS
from tools.search.programs import RIPGREP, path_of
from tools.workspace.port import RelPath

PATHS = [
    "a.ts",
    "a.tsx",
    "b.test.ts",
    "package.json",
    ".env",
    "src/a.ts",
    "src/lib/a.ts",
    "src/lib/deep/b.tsx",
    "src/a b.ts",
    "src/[id]/page.tsx",
    "other/src/a.ts",
    "ä/ö.ts",
]

CASES: list[tuple[str, list[str]]] = [
    ("*.ts", [path for path in PATHS if path.endswith(".ts")]),
    ("**/*.tsx", ["a.tsx", "src/lib/deep/b.tsx", "src/[id]/page.tsx"]),
    ("/*.ts", ["a.ts", "b.test.ts"]),
    ("./*.ts", ["a.ts", "b.test.ts"]),
    ("src/*.ts", ["src/a.ts", "src/a b.ts"]),
    ("src/**/a.ts", ["src/a.ts", "src/lib/a.ts"]),
    ("**/src/a.ts", ["src/a.ts", "other/src/a.ts"]),
    ("src/**/deep/**", ["src/lib/deep/b.tsx"]),
    ("src/lib", ["src/lib/a.ts", "src/lib/deep/b.tsx"]),
    ("lib/", ["src/lib/a.ts", "src/lib/deep/b.tsx"]),
    ("lib", ["src/lib/a.ts", "src/lib/deep/b.tsx"]),
    ("src/*", ["src/a.ts", "src/a b.ts"]),
    ("*.{tsx,json}", ["a.tsx", "package.json", "src/lib/deep/b.tsx", "src/[id]/page.tsx"]),
    ("{p,b}*.{ts{,x},x}", ["b.test.ts", "src/lib/deep/b.tsx", "src/[id]/page.tsx"]),
    ("[ab].ts", ["a.ts", "src/a.ts", "src/lib/a.ts", "other/src/a.ts"]),
    ("[!a].tsx", ["src/lib/deep/b.tsx"]),
    ("[^b-z].ts", ["a.ts", "src/a.ts", "src/lib/a.ts", "other/src/a.ts", "ä/ö.ts"]),
    ("?.ts", ["a.ts", "src/a.ts", "src/lib/a.ts", "other/src/a.ts", "ä/ö.ts"]),
    ("src/\\[id\\]/*", ["src/[id]/page.tsx"]),
    ("src/[[]id]/*", ["src/[id]/page.tsx"]),
    ("*.tsx, *.json", ["a.tsx", "package.json", "src/lib/deep/b.tsx", "src/[id]/page.tsx"]),
    ("*.ts,!src/**,!*.test.ts", ["a.ts", "other/src/a.ts", "ä/ö.ts"]),
    ("!**/*.ts", ["a.tsx", "package.json", ".env", "src/lib/deep/b.tsx", "src/[id]/page.tsx"]),
    (".*", [".env"]),
    ("*", PATHS),
    ("**", PATHS),
    ("**/**/**", PATHS),
    ("A.ts", []),
    ("[", []),
    ("{a", []),
    ("a}", []),
    ("[]", []),
    ("***.json", ["package.json"]),
]  # fmt: skip


@pytest.mark.parametrize(("glob", "expected"), CASES, ids=[glob for glob, _ in CASES])
def test_a_glob_means_what_editors_mean(glob: str, expected: list[str]) -> None:
    meant = glob_of(glob)
    assert [path for path in PATHS if meant.matches(RelPath(path))] == expected


@pytest.mark.parametrize("text", ["../*.ts", "src/../../x", "a\nb", "{a,b}" * 6])
def test_a_glob_that_cannot_be_used_is_refused(text: str) -> None:
    with pytest.raises(BadGlob):
        glob_of(text)


@given(
    st.lists(
        st.sampled_from(["*", "?", "**", "/", "a", "b.ts", "src", "[ab]", "[!a]", "ö", " ", "\\*"]),
        min_size=1,
        max_size=12,
    )
)
def test_the_rules_for_ripgrep_leave_all_that_matches(paths_below: Path, parts: list[str]) -> None:
    glob = glob_of("".join(parts))
    rules = paths_below.parent / "rules"
    rules.write_text("\n".join(glob.rules))
    listed = subprocess.run(  # noqa: S603 - our own program
        [path_of(RIPGREP), *ALWAYS, f"--ignore-file={rules}", "--files"],
        cwd=paths_below,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.splitlines()
    assert {path for path in PATHS if glob.matches(RelPath(path))} <= set(listed)


@pytest.fixture(scope="module")
def paths_below(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("globs") / "files"
    for path in PATHS:
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    return folder
