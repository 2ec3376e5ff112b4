"""A project's folder while somebody works in it: both ways, it follows the store."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import count

from core.batches import in_batches
from core.errors import NotFound, Refused
from core.ids import OwnerId, ProjectId
from jobs.answer.records import edit_records
from jobs.files.commands import Changes
from jobs.files.folder import ProjectFolder
from store.errors import FileChanged
from store.gateway import Store
from tools.text import sha256_of
from tools.workspace.edits import Deleted, Edit, Written

log = logging.getLogger(__name__)

PREFIX = "terminal-"
ACTIVE_S = 1.0  # between two looks while something is typed or printed
IDLE_S = 2.0  # a person's edits arrive within it
LOOK_SHARE = 10  # looking takes a tenth of the time at most
SETTLE_S = 10.0
BATCH_EDITS = 100
BATCH_BYTES = 2_000_000
MAX_TOLD = 5  # paths in one remark
_numbers = count()


class ProjectGone(NotFound):
    """The project was deleted while a terminal was open in it."""


class Following:
    """Brings what a terminal changes into the store, and what others change to the disk.

    While nothing is typed or printed it counts as no command: what a command of the agent leaves
    behind that is cancelled can be told from what a person does. While such a command runs it
    waits: the end of the command brings all changes into the store.

    Args:
        say: tells the person what could not be done.
    """

    def __init__(
        self,
        store: Store,
        folder: ProjectFolder,
        project_id: ProjectId,
        owner: OwnerId,
        say: Callable[[str], None],
    ) -> None:
        self._store = store
        self._folder = folder
        self._project_id = project_id
        self._owner = owner
        self._say = say
        self._name: str | None = None
        self._active = asyncio.Event()
        self._refused: dict[str, str] = {}
        self._is_away = False

    def touched(self) -> None:
        """Something was typed or printed."""
        self._active.set()

    async def run(self) -> None:
        """Follow until cancelled. Raises: ProjectGone."""
        while True:
            if self._name is not None:
                await asyncio.sleep(ACTIVE_S)
            else:
                with suppress(TimeoutError):
                    async with asyncio.timeout(IDLE_S):
                        await self._active.wait()
            took_s = await self._look()
            await asyncio.sleep(min(took_s * LOOK_SHARE, SETTLE_S))

    async def settle(self) -> None:
        """The last terminal has ended: bring what is left into the store."""
        try:
            async with asyncio.timeout(SETTLE_S):
                self._active.set()
                while True:
                    if not self._folder.commands_run_beside(PREFIX):
                        await self._push(is_last=True)
                        break
                    await asyncio.sleep(ACTIVE_S)
        except NotFound:
            log.info("project_gone_with_terminal", extra={"project_id": self._project_id})
        except Exception:  # the rim, as below
            log.exception("terminal_not_settled", extra={"project_id": self._project_id})
        finally:
            if self._name is not None:  # what could not be kept is taken back by the next pull
                self._folder.command_lost(self._name)
                self._name = None

    async def _look(self) -> float:
        began_s = time.monotonic()
        if self._folder.commands_run_beside(PREFIX):
            return 0.0
        try:
            if self._active.is_set() or self._name is not None:
                await self._push()
            await self._folder.pull()
        except NotFound:
            raise ProjectGone("The project was deleted") from None
        except Exception as trouble:  # the rim: a later look finds all that this one did not
            if not self._is_away:
                log.exception("terminal_behind", extra={"project_id": self._project_id})
                self._say(f"changes are not saved for the moment: {type(trouble).__name__}")
            self._is_away = True
        else:
            self._is_away = False
        return time.monotonic() - began_s

    async def _push(self, *, is_last: bool = False) -> None:
        """Bring changes into the store; it goes on until a look finds none and nothing happens."""
        if self._name is None:
            self._name = await self._begin()
        was_active = self._active.is_set()
        self._active.clear()
        try:
            changes = await self._folder.command_changes(self._name)
            wanted = [edit for edit in changes.edits if self._is_news(edit)]
            self._tell_too_large(changes)
            made = await self._apply(wanted)
        except BaseException:
            self._active.set()
            raise
        before, self._name = self._name, None
        if (was_active or made) and not is_last:  # before the other ends, so that none is missing
            self._name = await self._begin()
        await self._folder.command_kept(before, Changes(tuple(made)))

    async def _begin(self) -> str:
        name = f"{PREFIX}{next(_numbers)}"
        await self._folder.command_begins(name)
        return name

    async def _apply(self, edits: Sequence[Edit]) -> list[Edit]:
        """Those that the store has accepted."""
        made: list[Edit] = []
        refused: list[str] = []
        for batch in in_batches(edits, most=BATCH_EDITS, full_at=BATCH_BYTES, size=_size_of):
            try:
                await self._send(batch)
            except Refused as problem:
                if await self._is_gone(problem):
                    raise
                for edit in batch:
                    if (why := await self._alone(edit)) is None:
                        made.append(edit)
                    else:
                        refused.append(why)
            else:
                made += batch
        if refused:
            more = f" and {len(refused) - MAX_TOLD} more" if len(refused) > MAX_TOLD else ""
            self._say(f"not saved: {'; '.join(refused[:MAX_TOLD])}{more}")
        return made

    async def _alone(self, edit: Edit) -> str | None:
        """Why it could not be made; None if it was, or has been already."""
        try:
            await self._send([edit])
        except FileChanged:
            return f"{edit.path} was changed by somebody else, whose text is here now"
        except NotFound:
            if isinstance(edit, Deleted):
                return None
            return f"{edit.path} is gone"
        except Refused as problem:
            self._refused[edit.path] = _print_of(edit)
            return f"{edit.path}: {problem}"
        return None

    async def _is_gone(self, problem: Refused) -> bool:
        if not isinstance(problem, NotFound):
            return False
        return not await self._store.projects.existing([self._project_id])

    async def _send(self, edits: Sequence[Edit]) -> None:
        await self._store.edits.apply(self._project_id, edit_records(edits), owner=self._owner)

    def _is_news(self, edit: Edit) -> bool:
        return self._refused.get(edit.path) != _print_of(edit)

    def _tell_too_large(self, changes: Changes) -> None:
        news = [path for path in changes.too_large if self._refused.get(path) != "too large"]
        if news:
            self._refused |= dict.fromkeys(news, "too large")
            self._say(f"too large to be kept in the project: {', '.join(news[:MAX_TOLD])}")


def _print_of(edit: Edit) -> str:
    return sha256_of(edit.data) if isinstance(edit, Written) else type(edit).__name__


def _size_of(edit: Edit) -> int:
    return len(edit.data) if isinstance(edit, Written) else 0
