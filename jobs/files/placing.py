"""Which of a project's files can stand on a disk, and where."""

import logging
from collections.abc import Sequence

from store.records import FileContent, FileEntry
from tools.workspace.links import leads_to
from tools.workspace.paths import composed, confine
from tools.workspace.port import BadPath, RelPath

log = logging.getLogger(__name__)


def wanted_of(entries: Sequence[FileEntry]) -> dict[RelPath, FileEntry]:
    """Those that can stand on a disk, by their paths there."""
    return {
        path: entry
        for entry in _one_of_each_name(entries)
        if (path := nameable(entry.path)) is not None
    }


def _one_of_each_name(entries: Sequence[FileEntry]) -> list[FileEntry]:
    """Without those whose name stands there composed as well: on a disk the two are one.

    New names are composed by the store; a project of before that may hold both spellings.
    """
    paths = {entry.path for entry in entries}
    kept: list[FileEntry] = []
    for entry in entries:
        if entry.path != composed(entry.path) and composed(entry.path) in paths:
            log.warning("two_spellings_of_one_name", extra={"path": composed(entry.path)})
        else:
            kept.append(entry)
    return kept


def is_inside(path: RelPath, content: FileContent) -> bool:
    """Whether it may stand on a disk: a link that was moved may lead out now."""
    if content.entry.mode != "symlink" or leads_to(path, content.data.decode()) is not None:
        return True
    log.warning("link_not_materialised", extra={"path": path})
    return False


def nameable(path: str) -> RelPath | None:
    """The path, unless tools may not name it: people may keep such files, agents see none."""
    try:
        return confine(path)
    except BadPath:
        log.warning("path_not_materialised", extra={"path": path})
        return None
