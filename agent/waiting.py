"""Waiting for a provider that says when it may be asked again."""

from datetime import UTC, datetime, timedelta

from core.errors import Refused

LEAST_WAIT_S = 1.0


class ProviderBusy(Refused):
    """The provider takes no request for longer than an answer waits: not before `until`.

    The text is for the person.
    """

    code = "provider_busy"

    def __init__(self, until: datetime) -> None:
        super().__init__(
            f"The AI provider accepts no more requests of this server until {_said(until)}. "
            "Nothing you wrote is lost: write “continue” then."
        )
        self.until = until


def wake_time(
    asked: datetime, *, now: datetime, waited_s: float, longest_s: float
) -> datetime | None:
    """When to ask again: not before `asked`, on a whole second; None: beyond the longest wait.

    A provider that refuses again although its time has come is waited for twice as long each time,
    as far as `longest_s`, the bound of all waits together, allows.
    """
    left_s = longest_s - waited_s
    if (asked - now).total_seconds() > left_s:
        return None
    patient = now + timedelta(seconds=min(max(LEAST_WAIT_S, waited_s), left_s))
    return _whole_second(max(asked, patient))


def _whole_second(at: datetime) -> datetime:
    """The next whole second: stored times lose what is below a millisecond."""
    return at if at.microsecond == 0 else at.replace(microsecond=0) + timedelta(seconds=1)


def _said(at: datetime) -> str:
    minute = (at + timedelta(seconds=59)).replace(second=0)  # never before it
    return minute.astimezone(UTC).strftime("%H:%M UTC on %d %B %Y").replace(" on 0", " on ")
