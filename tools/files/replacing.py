"""A text of a file replaced by another: what editFile does once and multiEdit several times."""

from dataclasses import dataclass

from core.errors import Refused
from tools.files.explaining import IGNORED, explain_many, explain_no_match
from tools.files.matching import Level, find
from tools.files.read import read_known
from tools.place import Place
from tools.text import TextFile, decode, describe_binary
from tools.workspace.port import MAX_FILE_BYTES, RelPath

MAX_PLACES = 100_000  # the list of them is about 10 MB


class NoSuchText(Refused):
    """The edit cannot be made as it was asked for; nothing was changed."""

    code = "edit_refused"


@dataclass(frozen=True)
class Replacement:
    """Put `new` where `old` stands; their line ends are line feeds."""

    old: str
    new: str
    is_for_all: bool = False

    @classmethod
    def of(cls, old: str, new: str, *, is_for_all: bool) -> "Replacement":
        """What a model asks for. Raises: NoSuchText, where it asks for nothing."""
        old, new = old.replace("\r\n", "\n"), new.replace("\r\n", "\n")
        if not old:
            raise NoSuchText(
                "oldString is empty: give the text to replace. writeFile creates files."
            )
        if old == new:
            raise NoSuchText("oldString and newString are the same, so there is nothing to change.")
        return cls(old, new, is_for_all)


@dataclass(frozen=True)
class Replaced:
    """The file afterwards, in how many places it was changed, and how they were found."""

    data: bytes
    count: int
    level: Level

    @property
    def remark(self) -> str:
        """What is to be said behind the success."""
        times = f" ({self.count} replacements)" if self.count > 1 else ""
        if self.level == "exact":
            return times
        return (
            f"{times}. oldString was not there exactly: it was found by ignoring "
            f"{IGNORED[self.level]}. newString stands as you gave it."
        )


async def text_of(path: RelPath, place: Place) -> tuple[bytes, TextFile]:
    """A file that can be edited, as bytes and as a text.

    Raises:
        NoSuchFileHere: nothing at the path.
        NoSuchText: it is not text.
    """
    data = await read_known(path, place)
    file = decode(data)
    if file is None:
        raise NoSuchText(f"{path} cannot be edited: it is a {describe_binary(data)}.")
    return data, file


def replaced(path: RelPath, file: TextFile, wanted: Replacement) -> Replaced:
    """Make the replacement; every byte outside of the match stays as it is.

    Takes up to a second for a large file: call it from a thread.

    Raises:
        NoSuchText: the text is not there, not unique, or the file would get too large.
    """
    found = find(file.text, wanted.old, most=MAX_PLACES)
    if found is None:
        raise NoSuchText(explain_no_match(path, file.text, wanted.old))
    if not found.is_only and not wanted.is_for_all:
        raise NoSuchText(explain_many(path, file.text, found, most=MAX_PLACES))
    count = len(found.spans)
    if count > MAX_PLACES:
        raise NoSuchText(
            f"oldString occurs more than {MAX_PLACES:,} times in {path}, which is what one edit "
            "may change, so nothing was changed. Give a longer oldString."
        )
    size_bytes = file.size_with_spans(found.spans, wanted.new)
    if size_bytes > MAX_FILE_BYTES:
        raise NoSuchText(
            f"{path} would have {size_bytes:,} bytes after this edit; the limit is "
            f"{MAX_FILE_BYTES:,}. Nothing was changed. Replace fewer places or with less text."
        )
    return Replaced(file.with_spans(found.spans, wanted.new), count, found.level)
