"""Cron triggers: when the next tick is, in a time zone."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from croniter import croniter
from croniter.croniter import CroniterBadCronError


@dataclass(frozen=True)
class Cron:
    """Start the job on a schedule such as "0 12 * * 5" or "TZ=Europe/Paris 0 9 * * *".

    A sixth field is seconds. Each tick starts one run, whatever number of processes there are.
    Ticks that pass while no worker runs are skipped.
    """

    schedule: str

    def event_name(self, job_id: str) -> str:
        """The name of its ticks, which no other job hears."""
        return f"engine/cron:{job_id}"


@dataclass(frozen=True)
class CronRule:
    """A Cron, compiled."""

    event_name: str
    schedule: str
    zone: ZoneInfo

    def next_after(self, instant: datetime) -> datetime:
        """The first tick after an instant."""
        ticks = croniter(self.schedule, instant.astimezone(self.zone), ret_type=datetime)
        found: datetime = ticks.get_next(datetime)
        return found


def compile_cron(job_id: str, cron: Cron) -> CronRule:
    """Check a schedule.

    Raises:
        ValueError: the schedule or its time zone makes no sense.
    """
    schedule, zone = cron.schedule, "UTC"
    if schedule.startswith("TZ="):
        zone, _, schedule = schedule.removeprefix("TZ=").partition(" ")
    try:
        rule = CronRule(cron.event_name(job_id), schedule, ZoneInfo(zone))
        rule.next_after(datetime(2026, 1, 1, tzinfo=ZoneInfo("UTC")))
    except (CroniterBadCronError, ZoneInfoNotFoundError) as error:
        raise ValueError(f"{cron.schedule!r} is not a schedule: {error}") from error
    return rule
