"""Symbolic links that stay inside a project: where they lead, and how they are followed.

convex/model/paths.ts has the same rule for what may be stored; tests/contracts/links.json holds
both to it.
"""

from tools.workspace.paths import ROOT, confine_folder, name_of, parent_of
from tools.workspace.port import BadPath, Link, RelPath, Workspace

MAX_HOPS = 40  # what Linux follows of one path
MAX_TARGET_CHARS = 1_024


def leads_to(link: RelPath, target: str) -> RelPath | None:
    """The path that a link names, be there something or not; None where that is not inside.

    A target is inside when it is relative, climbs only at its beginning and no further than to the
    project, and has only names that tools may use. (`a/../b` would be another place for the system
    than for whoever reads the text, if `a` is a link too.)
    """
    if not target or target.startswith("/") or len(target) > MAX_TARGET_CHARS:
        return None
    folder = parent_of(link)
    names = [name for name in target.split("/") if name not in {"", "."}]
    while names and names[0] == "..":
        if folder == ROOT:
            return None
        folder = parent_of(folder)
        del names[0]
    try:
        return confine_folder("/".join(name for name in (folder, *names) if name))
    except BadPath:
        return None


class LeadsOut(BadPath):
    """A link on the way does not stay in the project."""

    def __init__(self, path: RelPath, link: Link) -> None:
        super().__init__(
            f"{path} cannot be used: the symbolic link {link.path} leads out of the project, to "
            f"{link.target[:200]!r}. Tools follow links only to what is in the project."
        )


class LeadsAround(BadPath):
    """Links on the way lead to one another."""

    def __init__(self, path: RelPath) -> None:
        super().__init__(f"{path} cannot be used: its symbolic links lead to one another.")


async def followed(files: Workspace, path: RelPath) -> RelPath:
    """The path without a link on which the same file or folder stands, or would.

    A workspace that is asked for it afterwards follows nothing; whoever puts a link there meanwhile
    gets a refusal.

    Raises:
        LeadsOut, LeadsAround: there is no such path in the project.
    """
    wanted = path
    for _ in range(MAX_HOPS):
        link = await files.first_link(path)
        if link is None:
            return path
        there = leads_to(link.path, link.target)
        if there is None:
            raise LeadsOut(wanted, link)
        below = path[len(link.path) :].lstrip("/")
        path = confine_folder("/".join(part for part in (there, below) if part))
    raise LeadsAround(wanted)


async def followed_to_its_folder(files: Workspace, path: RelPath) -> RelPath:
    """As `followed`, but a link at the very path is not followed: it is what is meant."""
    folder = parent_of(path)
    if folder == ROOT:
        return path
    there = await followed(files, folder)
    return confine_folder(f"{there}/{name_of(path)}" if there else name_of(path))
