"""The three kinds of error: refused, transient, and (everything else) bug."""


class Refused(Exception):
    """The caller must change something; never retried.

    `code` is a stable word for programs. The text is for people: which thing, why, what to do now.
    """

    code = "refused"


class NotFound(Refused):
    """The thing does not exist, or belongs to somebody else: callers cannot tell which."""

    code = "not_found"


class Conflict(Refused):
    """The thing exists but its state forbids this now."""

    code = "conflict"


class Transient(Exception):
    """It may pass: worth a bounded number of retries.

    `retry_after_s` is what the other side asked for, or None when it did not say.
    """

    code = "transient"

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
