"""What the body of a job says on realtime channels, and its steps."""

from collections import Counter
from collections.abc import Awaitable, Callable

from engine.current import current_step
from engine.live import LiveRun
from engine.realtime.channels import AnyTopic, Channel
from engine.realtime.messages import WireMessage, worded
from engine.steps.time import Time


class RunPublisher:
    """The publisher of one attempt of a body; what a replay would say again is not sent."""

    __slots__ = ("_attempt", "_run", "_said", "_send", "_time")

    def __init__(
        self,
        run: LiveRun,
        attempt: int,
        time: Time,
        send: Callable[[WireMessage, LiveRun], Awaitable[None]],
    ) -> None:
        self._run = run
        self._attempt = attempt
        self._time = time
        self._send = send
        self._said: Counter[tuple[str, int]] | None = None  # most runs say nothing

    async def say(
        self,
        channel: Channel | str,
        topic: AnyTopic,
        data: object,
        *,
        branch: str,
        replaying: bool,
    ) -> None:
        """Send a message, except where the body replays: then it was sent before.

        Its id counts the messages of the step's attempt or of the body's, those included that are
        not sent again: after a crash the same call makes the same id.
        """
        words = worded(channel, topic, data)
        step = current_step()
        place = (branch, self._attempt) if step is None else (step.step_id, step.attempt)
        said = self._said = Counter() if self._said is None else self._said
        number = said[place]
        said[place] += 1
        if step is None and replaying:
            return
        message_id = f"{self._run.run_id}:{place[0]}:{place[1]}:{number}"
        message = words.said(message_id, self._run.run_id, self._time.now_ms())
        await self._send(message, self._run)
