"""The agent's changes of before, from the checkpoints in the store."""

from collections.abc import Sequence

from core.ids import MessageId
from store.gateway import Store
from store.records import NewMode, Undone
from tools.history import ChangeHistory, Step, Undoing
from tools.workspace.paths import confine
from tools.workspace.port import RelPath


class StoreHistory(ChangeHistory):
    """The changes of one conversation, for one call, which answers `message_id`.

    It remembers what the call undoes, because that is recorded with its changes.
    """

    def __init__(self, store: Store, message_id: MessageId) -> None:
        self._store = store
        self._message_id = message_id
        self.undone: Undone | None = None
        self.modes: dict[str, NewMode] = {}
        """What the files that the undo writes are to be; a tool knows only of their bytes."""

    async def undoing(self, paths: Sequence[RelPath] | None) -> Undoing:
        """See `ChangeHistory.undoing`. Raises: NotFound (the message is gone), Refused."""
        plan = await self._store.checkpoints.undoable(self._message_id, paths=paths)
        if plan.start is None:
            return Undoing(is_known=False)
        self.undone = Undone(
            plan.start,
            is_partial=paths is not None,
            expected=tuple((step.path, step.now_sha256) for step in plan.steps),
        )
        files = [step for step in plan.steps if step.kind == "file"]
        self.modes = {step.path: step.mode or "regular" for step in files}
        return Undoing(
            is_known=True,
            steps=tuple(
                Step(
                    path=confine(step.path),
                    now_kind=step.now_kind,
                    now_sha256=step.now_sha256,
                    kind=step.kind,
                    data=step.data,
                    is_merged=step.is_merged,
                    is_replaced="symlink" in {step.now_mode, step.mode},
                )
                for step in plan.steps
            ),
            conflicts=tuple((each.path, each.reason) for each in plan.conflicts),
        )
