"""Errors of the store: refusals keep the class of their kind, so callers need not know Convex."""

from core.errors import Conflict, NotFound, Refused, Transient


class StoreUnavailable(Transient):
    """Convex did not answer, or answered 5xx or 429, until the deadline had passed.

    A mutation may have been committed all the same; each is safe to make again.
    """

    code = "store_unavailable"


class StoreFault(Exception):
    """A function threw something that is no refusal, or does not exist.

    It is a bug, on one side or the other.
    """


class StoreDenied(StoreFault):
    """The deployment does not accept our key: a mistake of the operator."""


class Busy(Conflict):
    """The conversation already has an answer being written: `message_id`."""

    code = "message_in_progress"

    def __init__(self, message: str, *, message_id: str) -> None:
        super().__init__(message)
        self.message_id = message_id


class GenerationClosed(Refused):
    """The message is final, or a later attempt holds it.

    This attempt must stop and write nothing more.
    """

    code = "generation_closed"


class AnswerTooLong(Refused):
    """The answer's turns and tool calls are more than one answer may hold."""

    code = "answer_too_long"


class TransferOver(Conflict):
    """The transfer was cancelled, or ended before: nothing more of it is written."""

    code = "transfer_over"


class ProjectLimitReached(Refused):
    """The person has as many projects as their plan has room for; interfaces know these words."""

    code = "project_limit"

    def __init__(self, current_usage: int, limit: int) -> None:
        super().__init__("Project limit reached. Please upgrade to Pro for unlimited projects.")
        self.current_usage = current_usage
        self.limit = limit


class QuotaExceeded(Refused):
    """The person has as much of something as the operator allows: of answers that run, or storage.

    Answers end by themselves; bytes have to be deleted.
    """

    code = "quota_exceeded"

    def __init__(self, message: str, *, quota: str, current_usage: int, limit: int) -> None:
        super().__init__(message)
        self.quota = quota
        self.current_usage = current_usage
        self.limit = limit


class FileChanged(Conflict):
    """The file is not the one that the caller last saw."""

    code = "file_changed"


class SameName(Conflict):
    """Two files of one import have the same name in two spellings of Unicode."""

    code = "same_name"

    def __init__(self, path: str) -> None:
        super().__init__(
            f"{path!r} is there twice, in two spellings of the same name (NFC and NFD): remove or "
            "rename one of the two, then begin again"
        )


class BadCursor(Refused):
    """The cursor is not one that this list has given."""

    code = "bad_cursor"

    def __init__(self) -> None:
        super().__init__("The cursor is not one of this list; begin again without it")


def refusal(code: str, message: str, data: dict[str, object]) -> Exception:
    """The error for a `ConvexError({kind, code, message, …})` that one of our functions threw.

    `kind` picks the class (`not_found`, `conflict`, `refused`); `code` is kept on the object. A
    `denied` kind is the operator's fault.
    """
    kind = data.get("kind")
    if kind == "denied":
        return StoreDenied(message)
    if code == Busy.code:
        return Busy(message, message_id=str(data.get("messageId", "")))
    if code == ProjectLimitReached.code:
        return ProjectLimitReached(_whole(data, "currentUsage"), _whole(data, "limit"))
    if code == QuotaExceeded.code:
        return QuotaExceeded(
            message,
            quota=str(data.get("quota", "")),
            current_usage=_whole(data, "currentUsage"),
            limit=_whole(data, "limit"),
        )
    known: dict[str, type[Refused]] = {
        GenerationClosed.code: GenerationClosed,
        AnswerTooLong.code: AnswerTooLong,
        FileChanged.code: FileChanged,
        TransferOver.code: TransferOver,
    }
    by_kind: dict[object, type[Refused]] = {"not_found": NotFound, "conflict": Conflict}
    error = known.get(code, by_kind.get(kind, Refused))(message)
    error.code = code
    return error


def _whole(data: dict[str, object], name: str) -> int:
    return int(str(data.get(name, 0)))
