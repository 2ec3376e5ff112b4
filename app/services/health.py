"""Is this process fit for work: what answers, and how fast."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from core.clock import Clock

CHECK_S = 2.0  # a probe of an orchestrator waits little longer

Check = Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class CheckResult:
    """One part: `problem` is the kind of error, None when it answered."""

    took_ms: float
    problem: str | None


@dataclass(frozen=True)
class Health:
    """Asks each part behind the API, all at once."""

    checks: Mapping[str, Check]
    clock: Clock

    async def report(self) -> Mapping[str, CheckResult]:
        """How each part does; bounded by `CHECK_S`."""
        results = await asyncio.gather(*(self._run(check) for check in self.checks.values()))
        return dict(zip(self.checks, results, strict=True))

    async def _run(self, check: Check) -> CheckResult:
        started_s = self.clock.monotonic()
        problem: str | None = None
        try:
            async with asyncio.timeout(CHECK_S):
                await check()
        except Exception as error:  # noqa: BLE001 - a probe reports whatever is wrong, by its kind
            problem = type(error).__name__
        return CheckResult(round((self.clock.monotonic() - started_s) * 1000, 1), problem)
