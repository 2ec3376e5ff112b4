"""Which errors an edit has made: for the result of the edit, while it is still staged."""

import asyncio
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from core.errors import Refused
from tools.lsp.asking import folder_of, servers_of, source_of
from tools.lsp.diagnostics import described, diagnostics_of
from tools.lsp.errors import ServerFailed
from tools.lsp.packages import without_packages
from tools.lsp.positions import MAX_DOCUMENT_BYTES, Lines
from tools.lsp.servers import NoServer
from tools.lsp.session import Session
from tools.output import Diagnostic, DiagnosticsPart
from tools.place import Place
from tools.text import decode
from tools.workspace.port import RelPath

MAX_SHOWN = 20
MAX_CHANGED = 20  # files of one edit that are looked at
MAX_USERS = 20  # other files, which import those
USERS_SHARE = 0.4  # of the time, for those; the ones that have no answer then are left out
WHOLE_S = 15.0

_LATE = (
    "Not checked for new errors: that took more than {:g} seconds. getDiagnostics waits for longer."
)


@dataclass(frozen=True)
class NewErrors:
    """What an edit has made wrong: words to append to its result, "" for nothing; and the part."""

    text: str = ""
    part: DiagnosticsPart | None = None


async def new_errors(
    place: Place,
    before: Mapping[RelPath, bytes],
    changed: Collection[RelPath],
    *,
    within_s: float = WHOLE_S,
) -> NewErrors:
    """The errors that are there with the edit of this call, and were not without it.

    Looks at the changed files, and at files that import them as far as time allows. A server that
    fails or takes too long is said so in the text: an edit never fails because of this.

    Args:
        place: the call's, with the edit made in its `files`; the disk may have it or not.
        before: what the changed files held; one that did not exist is left out.
        changed: the files that were written, moved (both names) or deleted.
        within_s: how long each server may take.
    """
    try:
        servers, folder = servers_of(place), folder_of(place)
    except ServerFailed:
        return NewErrors()
    by_server: dict[str, list[RelPath]] = {}
    for path in sorted(changed)[:MAX_CHANGED]:
        try:
            by_server.setdefault(servers.server_of(path).name, []).append(path)
        except NoServer:
            continue
    found: list[Diagnostic] = []
    failed: list[str] = []
    for paths in by_server.values():
        comparison = _Comparison(place, before, paths, users_for_s=USERS_SHARE * within_s)
        try:
            async with asyncio.timeout(within_s):
                found += await servers.use(folder, paths[0], comparison.run)
        except NoServer:
            continue
        except Refused as error:
            failed.append(f"Not checked for new errors. {error}")
        except TimeoutError:
            failed.append(_LATE.format(within_s))
    return await _told(found, failed, place)


async def _told(found: Sequence[Diagnostic], failed: Sequence[str], place: Place) -> NewErrors:
    folder = folder_of(place)
    sorted_out = await without_packages(found, place, folder.resolve())
    errors = sorted_out.findings
    lines: list[str] = []
    if errors:
        showing = f" (showing first {MAX_SHOWN})" if len(errors) > MAX_SHOWN else ""
        lines.append(f"This change makes {len(errors)} new error(s){showing}:")
        lines += map(described, errors[:MAX_SHOWN])
    text = "\n".join(part for part in (*lines, sorted_out.note, *failed) if part)
    return NewErrors(text, DiagnosticsPart(tuple(errors[:MAX_SHOWN])) if errors else None)


class _Comparison:
    """Of one edit, in the files of one server.

    Most edits make no error: so the texts of now are shown first, and those of before only where
    something is wrong, to tell what was wrong before.
    """

    def __init__(
        self,
        place: Place,
        before: Mapping[RelPath, bytes],
        paths: Sequence[RelPath],
        *,
        users_for_s: float,
    ) -> None:
        self._place = place
        self._before = before
        self._paths = paths
        self._users_for_s = users_for_s

    async def run(self, session: Session) -> list[Diagnostic]:
        """The errors that are there with the texts of now only."""
        users = await asyncio.to_thread(session.importers.of, session.seen, self._paths)
        texts = {path: await self._now(path) for path in self._paths}
        used_by = {path: await self._now(path) for path in users[:MAX_USERS]}
        _show(session, texts)
        after: dict[RelPath, list[Diagnostic]] = {}
        await _look_at(session, texts, after)
        with suppress(TimeoutError):
            async with asyncio.timeout(self._users_for_s):
                await _look_at(session, used_by, after)
        if not any(after.values()):
            return []
        old = {path: _text(self._before.get(path)) for path in self._paths}
        _show(session, old)
        wrong = {path: text for path, text in used_by.items() if after.get(path)}
        before: dict[RelPath, list[Diagnostic]] = {}
        await _look_at(session, old | wrong, before)
        return _only_new(before, after)

    async def _now(self, path: RelPath) -> str | None:
        try:
            return (await source_of(self._place, path)).raw
        except Refused:  # deleted, or nothing for a server
            return None


def _show(session: Session, texts: Mapping[RelPath, str | None]) -> None:
    for path, text in texts.items():
        if text is not None:
            session.show(path, text, is_staged=True)
        elif path in session.seen.files:  # nobody can hide a file of the disk from a server
            session.show(path, "", is_staged=True)
        else:
            session.close(path)


async def _look_at(
    session: Session,
    texts: Mapping[RelPath, str | None],
    found: dict[RelPath, list[Diagnostic]],
) -> None:
    """Ask for all at once, and take down the errors of each file as they come."""

    async def ask(path: RelPath, text: str) -> None:
        if not session.server.reads_closed:
            session.show(path, text, is_staged=True)
        found[path] = await _errors_of(session, path, text)

    try:
        async with asyncio.TaskGroup() as tasks:
            for path, text in texts.items():
                if text is not None:
                    tasks.create_task(ask(path, text))
    except ExceptionGroup as failed:  # all of them fail for the same reason
        raise failed.exceptions[0] from None


async def _errors_of(session: Session, path: RelPath, text: str) -> list[Diagnostic]:
    findings = await session.findings(path)
    found = diagnostics_of(session.root, path, Lines.of(text), findings)
    return [each for each in found if each.severity == "error"]


def _text(data: bytes | None) -> str | None:
    if data is None or len(data) > MAX_DOCUMENT_BYTES:
        return None
    file = decode(data)
    return None if file is None else file.raw


def _only_new(
    before: Mapping[RelPath, list[Diagnostic]], after: Mapping[RelPath, list[Diagnostic]]
) -> list[Diagnostic]:
    """Lines move, so an error is known by its file and its words; or, of a moved file, by those."""
    known = Counter(
        (path if path in after else None, each.code, each.message)
        for path, errors in before.items()
        for each in errors
    )
    new: list[Diagnostic] = []
    for path, errors in after.items():
        for each in errors:
            key = (path if path in before else None, each.code, each.message)
            if known[key] > 0:
                known[key] -= 1
            else:
                new.append(each)
    return new
