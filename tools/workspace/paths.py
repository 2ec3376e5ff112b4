"""Which texts may name a file: relative, inside, the same on every system.

convex/model/paths.ts has the same rule for people: what one side takes the other can use.
tests/contracts/paths.json holds both to it.
"""

import re
import unicodedata

from tools.workspace.port import BadPath, RelPath

ROOT = RelPath("")
"""The workspace itself."""

MAX_PATH_CHARS = 1_024
MAX_TEXT_CHARS = 4 * MAX_PATH_CHARS  # of a path that is not composed yet
MAX_DEPTH = 100  # names of a path
MAX_NAME_BYTES = 255  # what ext4, APFS and NTFS allow a name

RESERVED = frozenset({".git", ".polaris"})
"""Folders at any depth that tools neither show nor touch: git's own and ours."""

TEMPORARY_PREFIX = ".polaris-tmp-"
"""How files that are being written are called; a crash may leave one behind."""

_DRIVE = re.compile(r"^[A-Za-z]:")
_SHORT_GIT = re.compile(r"git~[0-9]+\Z", re.IGNORECASE | re.ASCII)  # what NTFS also calls `.git`

# Control, invisible format (zero width, changes of direction) and line characters, and halves of
# characters. As ranges, because the tables of Unicode differ from one version to the next.
_FORBIDDEN = re.compile(
    "[\u0000-\u001f\u007f-\u009f\u00ad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e"
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb"
    "\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0001\U000e0020-\U000e007f]"
)


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
    if len(text) > MAX_TEXT_CHARS:  # composing marks takes the square of their number
        raise _bad(text[:60] + "…", f"is longer than {MAX_PATH_CHARS} characters")
    normal = composed(text)
    if _FORBIDDEN.search(normal):
        raise _bad(text[:MAX_PATH_CHARS], "contains a control or invisible character")
    if "\\" in normal:
        raise _bad(text, "contains a backslash; folders are separated by /")
    if normal.startswith(("/", "~/")) or normal == "~" or _DRIVE.match(normal):
        raise _bad(text, "is not relative to the project")
    names = [name for name in normal.split("/") if name not in {"", "."}]
    path = RelPath("/".join(names))
    check_limits(path)
    for name in names:
        _check_name(text, name)
    return path


def composed(text: str) -> str:
    """The one spelling of a path or name (NFC). macOS decomposes what is typed there."""
    return unicodedata.normalize("NFC", text)


def check_limits(path: RelPath) -> None:
    """Refuse a path, of whatever names, that is too long or too deep. Raises: BadPath."""
    if len(path) > MAX_PATH_CHARS:
        raise _bad(path[:60] + "…", f"is longer than {MAX_PATH_CHARS} characters")
    if path.count("/") >= MAX_DEPTH:
        raise _bad(path[:60] + "…", f"is deeper than {MAX_DEPTH} names")


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


def moved(path: RelPath, source: RelPath, target: RelPath) -> RelPath:
    """Where `path`, which is `source` or below it, is once that has moved to `target`.

    Raises:
        BadPath: that is too long or too deep.
    """
    there = RelPath(target + path[len(source) :])
    check_limits(there)
    return there


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
    if name == "~":
        raise _bad(text, "has the name '~', which shells take for a home folder")
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


def _bad(text: str, problem: str) -> BadPath:
    return BadPath(
        f"The path {text!r} {problem}. Give a path relative to the project, such as 'src/app.ts'."
    )
