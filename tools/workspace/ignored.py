"""What of a folder belongs to a project: not what programs make, nor what its .gitignore names."""

from collections.abc import Sequence
from dataclasses import dataclass

from pathspec import GitIgnoreSpec

from tools.workspace.paths import is_nameable, name_of
from tools.workspace.port import RelPath

RULES_FILE = ".gitignore"
MAX_RULES_BYTES = 256 * 1024  # what is longer is no list of rules

GENERATED_LINES = (
    "node_modules/",
    ".venv/",
    "__pycache__/",
    ".pytest_cache/",
    ".mypy_cache/",
    ".ruff_cache/",
    ".next/",
    ".turbo/",
    ".cache/",
    ".parcel-cache/",
    ".svelte-kit/",
    "*.pyc",
    "*.tsbuildinfo",
    ".DS_Store",
)
"""What stays on the disk where it was made, whatever a project says."""

GENERATED = GitIgnoreSpec.from_lines(GENERATED_LINES)


@dataclass(frozen=True)
class Rules:
    """The rules that hold in one folder: those of each folder above it, the nearest last."""

    specs: Sequence[tuple[RelPath, GitIgnoreSpec]] = ()

    def within(self, folder: RelPath, text: str) -> "Rules":
        """With those of a .gitignore that stands in `folder`."""
        return Rules((*self.specs, (folder, _spec_of(text))))

    def ignores(self, path: RelPath, *, is_folder: bool) -> bool:
        """Whether it is left out; a folder with all that is in it."""
        if not is_nameable(name_of(path)):
            return True
        mark = "/" if is_folder else ""
        if GENERATED.match_file(path + mark):
            return True
        for folder, spec in reversed(self.specs):
            below = path.removeprefix(f"{folder}/") if folder else path
            include = spec.check_file(below + mark).include
            if include is not None:
                return include
        return False


def _spec_of(text: str) -> GitIgnoreSpec:
    """The rules of a text; a line that is no pattern is left out, as git does."""
    try:
        return GitIgnoreSpec.from_lines(text.splitlines())
    except ValueError:
        return GitIgnoreSpec.from_lines(line for line in text.splitlines() if _is_pattern(line))


def _is_pattern(line: str) -> bool:
    try:
        GitIgnoreSpec.from_lines([line])
    except ValueError:
        return False
    return True
