"""Cron triggers: when the next tick is, in a time zone."""

from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from croniter import CroniterBadDateError, croniter
from croniter.croniter import CroniterError

from engine.judging import check_name

TICK = "engine/cron:"
HOUR = 1  # the second field
BEFORE = datetime(2026, 1, 1, tzinfo=UTC)
NEVER = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Cron:
    """Start the job on a schedule such as "0 12 * * 5" or "TZ=Europe/Paris 0 9 * * *".

    A sixth field is seconds. Each tick starts one run, whatever number of processes there are.
    Ticks that pass while no worker runs are skipped.
    """

    schedule: str

    def event_name(self, job_id: str) -> str:
        """The name of its ticks, which no other job hears."""
        return f"{TICK}{job_id}"


@dataclass(frozen=True)
class CronRule:
    """A Cron, compiled.

    Of an hour that the clock repeats in autumn only the first counts, unless the schedule is for
    each hour. What falls into the hour that is skipped in spring is due when that is over.
    """

    event_name: str
    schedule: str
    zone: ZoneInfo
    each_hour: bool

    def next_after(self, instant: datetime) -> datetime:
        """The first tick after an instant."""
        ticks = croniter(self.schedule, instant.astimezone(self.zone), ret_type=datetime)
        while True:
            try:
                found: datetime = ticks.get_next(datetime)
            except CroniterBadDateError:  # a schedule with a year that is over
                return NEVER
            if self.each_hour or not _is_repeated(found):
                return found


def _is_repeated(instant: datetime) -> bool:
    """Whether the clock shows this time for the second time."""
    return instant.replace(fold=0).utcoffset() != instant.replace(fold=1).utcoffset() and (
        instant.fold == 1
    )


def compile_cron(job_id: str, cron: Cron) -> CronRule:
    """Check a schedule.

    Raises:
        ValueError: the schedule or its time zone makes no sense.
    """
    check_name("a schedule", cron.schedule)
    schedule, zone = cron.schedule, "UTC"
    if schedule.startswith("TZ="):
        zone, _, schedule = schedule.removeprefix("TZ=").partition(" ")
    try:
        where = ZoneInfo(zone)
    except (ValueError, ZoneInfoNotFoundError, OSError) as error:  # OSError: a part of a name
        raise ValueError(
            f"{cron.schedule!r}: there is no time zone {zone!r}; write it as in 'TZ=Europe/Paris …'"
        ) from error
    try:
        each_hour = croniter.expand(schedule)[0][HOUR] == ["*"]
        croniter(schedule, BEFORE, ret_type=datetime).get_next(datetime)
    except CroniterError as error:
        raise ValueError(f"{cron.schedule!r} is not a schedule: {error}") from error
    return CronRule(cron.event_name(job_id), schedule, where, each_hour)
