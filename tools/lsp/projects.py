"""Making a server know the whole of a folder, where it knows only what open files belong to."""

from tools.lsp.session import Session
from tools.workspace.paths import ROOT, name_of, parent_of
from tools.workspace.port import RelPath

MAX_PROJECTS = 20  # of which one file each is opened
MAX_LOOSE = 30  # files in no project that are opened


async def open_projects(session: Session) -> None:
    """Open a file of each project, and files that are in none, as far as none is open yet."""
    names = session.server.project_files
    if not names or session.projects_open_at == session.layout:
        return
    projects = {parent_of(path) for path in session.seen.files if name_of(path) in names}
    first: dict[RelPath, RelPath] = {}
    loose: list[RelPath] = []
    for path in sorted(session.seen.sources(session.server), key=_main_ones_first):
        project = nearest(path, projects)
        if project is None:
            loose.append(path)
        else:
            first.setdefault(project, path)
    for path in (*list(first.values())[:MAX_PROJECTS], *loose[:MAX_LOOSE]):
        await session.open_from_disk(path)
    session.projects_open_at = session.layout


def nearest(path: RelPath, folders: set[RelPath]) -> RelPath | None:
    """The innermost of the folders that has it."""
    folder = parent_of(path)
    while folder not in folders:
        if folder == ROOT:
            return None
        folder = parent_of(folder)
    return folder


def _main_ones_first(path: RelPath) -> tuple[bool, str]:
    """Tests and settings are often in no project, or in one of their own."""
    return "test" in path or "config" in path or "/" not in path, path
