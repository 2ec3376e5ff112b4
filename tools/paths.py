"""Which texts may name a file: relative, inside, the same on every system."""

import re
import unicodedata

from tools.workspace import BadPath, RelPath

ROOT = RelPath("")
"""The workspace itself."""

MAX_PATH_CHARS = 1_024
MAX_NAME_BYTES = 255  # what ext4, APFS and NTFS allow a name

RESERVED = frozenset({".git", ".polaris"})
"""Folders at any depth that tools neither show nor touch: git's own and ours."""

TEMPORARY_PREFIX = ".polaris-tmp-"
"""How files that are being written are called; a crash may leave one behind."""

_DRIVE = re.compile(r"^[A-Za-z]:")
_SHORT_GIT = re.compile(r"^git~[0-9]+$", re.IGNORECASE)  # what NTFS also calls `.git`


def confine(text: str) -> RelPath:
    """The path of one file or folder inside the workspace.

    `./` and doubled or trailing slashes are cleaned away, Unicode is composed (NFC). What could
    leave the workspace, mean different files on different systems, or reach a reserved folder under
    another spelling is refused.

    Raises:
        BadPath: with a text that tells the model what is wrong and what a path looks like.
    """
    path = confine_folder(text)
    if path == ROOT:
        raise _bad(text, "names no file")
    return path


def confine_folder(text: str) -> RelPath:
    """Like `confine`, where "", "." and "/" mean the whole workspace. Raises: BadPath."""
    if text in {"", ".", "./", "/"}:
        return ROOT
    if len(text) > MAX_PATH_CHARS:
        raise _bad(text[:60] + "…", f"is longer than {MAX_PATH_CHARS} characters")
    normal = unicodedata.normalize("NFC", text)
    if any(_is_forbidden(character) for character in normal):
        raise _bad(text, "contains a control or invisible character")
    if "\\" in normal:
        raise _bad(text, "contains a backslash; folders are separated by /")
    if normal.startswith(("/", "~/")) or normal == "~" or _DRIVE.match(normal):
        raise _bad(text, "is not relative to the project")
    names = [name for name in normal.split("/") if name not in {"", "."}]
    for name in names:
        _check_name(text, name)
    return RelPath("/".join(names))


def is_nameable(name: str) -> bool:
    """Whether a name that was found on a disk can be part of a confined path as it is."""
    try:
        return "/" not in name and confine(name) == name
    except BadPath:
        return False


def is_within(path: RelPath, folder: RelPath) -> bool:
    """Whether `path` is `folder` or below it; everything is within the root."""
    return folder in {ROOT, path} or path.startswith(folder + "/")


def parent_of(path: RelPath) -> RelPath:
    """The folder that holds it; the root for a top-level name."""
    return RelPath(path.rpartition("/")[0])


def ancestors_of(path: RelPath) -> list[RelPath]:
    """The folders around it, outermost first, without the root."""
    names = path.split("/")
    return [RelPath("/".join(names[:count])) for count in range(1, len(names))]


def name_of(path: RelPath) -> str:
    """The last name of the path."""
    return path.rpartition("/")[2]


def folded(path: RelPath) -> RelPath:
    """What two spellings have in common that a case-insensitive disk takes for one file."""
    return RelPath("/".join(_folded(name) for name in path.split("/")))


def _folded(name: str) -> str:
    # NFKC also folds full-width letters and the like, which HFS+ once let pass for `.git`.
    return unicodedata.normalize("NFKC", name).casefold()


def _is_reserved_name(name: str) -> bool:
    plain = _folded(name)
    return (
        plain in RESERVED
        or plain.startswith(TEMPORARY_PREFIX)
        or _SHORT_GIT.match(name) is not None
    )


def _check_name(text: str, name: str) -> None:
    if name == "..":
        raise _bad(text, "leaves the project")
    if name != name.strip() or name.endswith("."):
        raise _bad(
            text, f"has a name that begins or ends with a space, or ends with a dot: {name!r}"
        )
    if len(name.encode()) > MAX_NAME_BYTES:
        raise _bad(text[:60] + "…", f"has a name longer than {MAX_NAME_BYTES} bytes")
    if ":" in name:
        raise _bad(text, f"has a colon in the name {name!r}")
    if _is_reserved_name(name):
        raise _bad(text, f"is inside {name!r}, which tools may neither read nor change")


def _is_forbidden(character: str) -> bool:
    # control, invisible format (bidi overrides, zero width), lone surrogates, line separators
    return unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"}


def _bad(text: str, problem: str) -> BadPath:
    return BadPath(
        f"The path {text!r} {problem}. Give a path relative to the project, such as 'src/app.ts'."
    )
