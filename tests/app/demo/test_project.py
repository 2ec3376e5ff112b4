"""What of a folder becomes a project, and what is said to be left out."""

from pathlib import Path

from app.demo.project import files_of


def test_files_that_no_project_may_have_are_left_out_and_counted(tmp_path: Path) -> None:
    for name in ("a.txt", "b:c.txt", "odd\u200b.txt", "caf\u00e9.txt", "cafe\u0301.txt"):
        (tmp_path / name).write_text(ascii(name))
    kept, left_out = files_of(tmp_path)
    assert sorted(kept) == ["a.txt", "caf\u00e9.txt"]
    assert left_out == 3


def test_what_git_ignores_is_not_counted(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("*.log\n")
    (tmp_path / "a.log").write_text("x")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "config").write_text("x")
    assert sorted(files_of(tmp_path)[0]) == [".gitignore"]
    assert files_of(tmp_path)[1] == 0
