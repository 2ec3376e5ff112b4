"""From the ids of files to files, and to the words for an id that is wrong."""

from collections.abc import Sequence

from core.errors import Refused
from tools.place import Place
from tools.workspace.paths import ROOT, confine, confine_folder
from tools.workspace.port import Entry, NoSuchFile, NotAFolder, RelPath

GET_IDS = "Use listFiles to get valid file IDs."


class BadId(Refused):
    """An id names nothing, or not what is wanted."""

    code = "bad_id"


async def entry_of(file_id: str, place: Place) -> Entry:
    """What an id names. Raises: BadId."""
    path = confine(file_id)
    try:
        await place.files.list_folder(path)
    except NotAFolder as blocked:
        if blocked.file == path:
            return Entry(path, "file", 0)
        raise BadId(f'Error: File with ID "{file_id}" not found. {GET_IDS}') from None
    except NoSuchFile:
        raise BadId(f'Error: File with ID "{file_id}" not found. {GET_IDS}') from None
    return Entry(path, "folder", 0)


async def refuse_parent(parent_id: str, place: Place) -> None:
    """Raise where no folder has that id. Raises: BadId, BadPath."""
    try:
        await place.files.list_folder(confine_folder(parent_id))
    except NotAFolder:
        raise BadId(
            f'Error: The ID "{parent_id}" is a file, not a folder. Use the ID of a folder.'
        ) from None
    except NoSuchFile:
        if parent_id != ROOT:
            raise BadId(
                f'Error: Parent folder with ID "{parent_id}" not found. {GET_IDS}'
            ) from None


async def is_there(parent_id: str, name: str, place: Place) -> bool:
    """Whether something stands under a name in a folder."""
    try:
        await entry_of(child(parent_id, name), place)
    except Refused:
        return False
    return True


def child(parent_id: str, name: str) -> RelPath:
    """The path of a name in a folder. Raises: BadPath, BadId."""
    if "/" in name:
        raise BadId(f'Error: "{name}" is no name: it may not contain a slash.')
    folder = confine_folder(parent_id)
    return confine(f"{folder}/{name}" if folder else name)


def touched(paths: Sequence[str]) -> frozenset[RelPath]:
    """The files that ids name. Raises: BadPath."""
    return frozenset(map(confine, paths))
