"""Events that the engine's tests send, and a notebook that jobs write into."""

from dataclasses import dataclass, field

from engine import EventData, RetryPolicy

QUICK = RetryPolicy(max_attempts=3, min_timeout=0.01, max_timeout=0.05)


class Asked(EventData, event="test/asked"):
    question_id: str = "q1"
    text: str = ""


class Withdrawn(EventData, event="test/withdrawn"):
    question_id: str


@dataclass
class Notes:
    """What happened, in order; given to jobs with `provide`."""

    lines: list[str] = field(default_factory=list[str])

    def write(self, line: str) -> None:
        self.lines.append(line)
