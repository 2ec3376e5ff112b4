"""What runs say on their realtime channels: how they go, step by step, to those who look on.

`run:{id}` has the steps, the turns of the model and the state of one run, `project:{id}` the states
of all runs of a project, `runs` those of all runs, and a channel of its own for each person those
that are theirs. Nothing is stored and no run waits for it: what is said goes through a
queue, and in one transaction however much has gathered. A step that runs again after a crash says
the same again, with the same ids.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, cast

from pydantic import BaseModel

from agent.durable import AskAgain, AskRef, CondensedRef, TurnRef
from app.observe.news import (
    ALL_RUNS,
    CONDENSED,
    EVENT,
    RUN,
    STATE,
    STEP,
    TURN,
    CondensedNews,
    EventNews,
    News,
    RunNews,
    RunState,
    StateNews,
    StepNews,
    TurnNews,
    UsageNews,
    runs_channel,
)
from core.background import in_background
from core.clock import Clock
from core.errors import Refused, Transient
from core.ids import RunId
from core.usage import Usage
from engine import Engine, Event, Middleware, RunCall, RunEnd, Saying, SentEvent, StepCall, Topic
from engine.middleware import Events, Run, Send, Step

log = logging.getLogger(__name__)

WAITING = 10_000  # messages of one process; those beyond are not said
AT_ONCE = 500  # messages in one transaction
PAUSES = frozenset({"sleep", "wait_for_event", "wait_for_signal"})
TOLD_IDS = ("messageId", "conversationId", "transferId", "projectGenerationId")


@dataclass
class _Followed:
    """A run that executes here: whose it is, and what it waits for."""

    run_id: RunId
    job: str
    event: Any
    user_id: str | None
    announced: int = 0  # pauses of which the state was said before they began
    paused: int = 0


@dataclass(frozen=True)
class _ForLists:
    """What lists are told, in this order, of the doings of one user.

    Whose a run is has to be looked up where its event has no user: another run has invoked it.
    """

    user_id: str | None
    news: tuple[tuple[str, RunNews | EventNews], ...]
    """Each with the id of its message."""
    invoked: RunId | None = None

    async def sayings(self, engine: Engine) -> list[Saying]:
        """For everybody's list, and for its person's."""
        user_id = self.user_id
        if user_id is None and self.invoked is not None:
            user_id = await engine.inspect.owner_of_run(self.invoked)
        channels = [ALL_RUNS] if user_id is None else [ALL_RUNS, runs_channel(user_id)]
        return [
            Saying(channel, EVENT if isinstance(news, EventNews) else RUN, news, message_id)
            for message_id, news in self.news
            for channel in channels
        ]


class NewsOfRuns(Middleware):
    """Has every run say how it goes, once `telling` has begun."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._runs: dict[RunId, _Followed] = {}
        self._waiting: deque[Saying | _ForLists] = deque()
        self._came = asyncio.Event()
        self._is_full = False

    @asynccontextmanager
    async def telling(self, engine: Engine) -> AsyncGenerator[None]:
        """What runs say reaches those who listen."""

        async def tell() -> None:
            while True:
                await self._came.wait()
                self._came.clear()
                while self._waiting:
                    count = min(AT_ONCE, len(self._waiting))
                    await _publish(engine, [self._waiting.popleft() for _ in range(count)])

        async with in_background(tell):
            yield

    async def on_send(self, events: Events, proceed: Send) -> list[SentEvent]:
        """Events are accepted, and runs made."""
        sent = await proceed(events)
        for event, accepted in zip(events, sent, strict=True):
            if not accepted.duplicate:
                self._put(_ForLists(_user_of(event.user), tuple(_news_of_event(event, accepted))))
        return sent

    async def on_run(self, call: RunCall, proceed: Run) -> Any:
        """The run goes on, here."""
        if call.is_failure_handler:
            return await proceed(call)
        user_id = _user_of(call.event.user)
        followed = _Followed(call.run_id, call.job_id, call.event.data, user_id)
        self._runs[call.run_id] = followed
        self._say_state(followed, "running", f"{call.attempt}:run")
        try:
            return await proceed(call)
        finally:
            if self._runs.get(call.run_id) is followed:
                del self._runs[call.run_id]

    async def on_step(self, call: StepCall, proceed: Step) -> Any:
        """A step begins and ends, and what it came to."""
        followed = self._runs.get(call.run_id)
        if followed is None:
            return await proceed(call)
        place = f"{call.step_id}:{call.attempt}"
        self._say_step(call, "started")
        is_pause = call.kind in PAUSES
        if is_pause:
            self._pauses(followed, place)
        try:
            result = await proceed(call)
        except Exception as error:
            code = getattr(error, "code", None)
            self._say_step(call, "failed", code if isinstance(code, str) else None)
            raise
        self._say_step(call, "completed")
        if is_pause:
            self._goes_on(followed, place)
        else:
            self._say_result(followed, place, result)
        return result

    async def on_end(self, end: RunEnd) -> None:
        """It is over."""
        if not end.is_failure_handler:
            event = end.event
            data, user = (None, None) if event is None else (event.data, event.user)
            followed = _Followed(end.run_id, end.job_id, data, _user_of(user))
            self._say_state(followed, end.status, "end")

    def _pauses(self, followed: _Followed, place: str) -> None:
        followed.paused += 1
        if followed.announced:
            followed.announced -= 1
        else:
            self._say_state(followed, "waiting", f"{place}:pause")

    def _goes_on(self, followed: _Followed, place: str) -> None:
        followed.paused -= 1
        if not followed.paused:
            self._say_state(followed, "running", f"{place}:on")

    def _say_result(self, followed: _Followed, place: str, result: object) -> None:
        channel = _channel_of(followed.run_id)
        match result:
            case TurnRef():
                turn = TurnNews(
                    turn=result.number,
                    model=result.model,
                    stop_reason=result.stop_reason,
                    usage=_usage(result.usage),
                    calls=(*(call.name for call in result.calls), *result.dropped_calls),
                )
                self._say(followed.run_id, channel, TURN, turn, f"{place}:turn")
            case CondensedRef():
                news = CondensedNews(is_done=result.is_done, usage=_usage(result.usage))
                self._say(followed.run_id, channel, CONDENSED, news, f"{place}:condensed")
            case AskAgain():
                followed.announced += 1
                self._say_state(followed, "waiting", f"{place}:wait", until=result.until)
            case AskRef(request_id=str(ask_id), wait_s=wait_s) if wait_s:
                followed.announced += 1
                until = self._clock.now() + timedelta(seconds=wait_s)
                self._say_state(followed, "asking", f"{place}:ask", until=until, ask_id=ask_id)
            case _:
                pass

    def _say_step(
        self,
        call: StepCall,
        status: Literal["started", "completed", "failed"],
        error_code: str | None = None,
    ) -> None:
        news = StepNews(
            step_id=call.step_id,
            kind=call.kind,
            status=status,
            attempt=call.attempt,
            error_code=error_code,
        )
        place = f"{call.step_id}:{call.attempt}:{status}"
        self._say(call.run_id, _channel_of(call.run_id), STEP, news, place)

    def _say_state(
        self,
        followed: _Followed,
        state: RunState,
        place: str,
        *,
        until: datetime | None = None,
        ask_id: str | None = None,
    ) -> None:
        run_id = followed.run_id
        news = StateNews(state=state, until=until, ask_id=ask_id)
        self._say(run_id, _channel_of(run_id), STATE, news, place)
        of_run = _news_of(followed, news)
        project_id = _ids_of(followed.event).get("projectId")
        if project_id is not None:
            self._say(run_id, f"project:{project_id}", RUN, of_run, place)
        self._put(_ForLists(followed.user_id, ((f"{run_id}:{place}", of_run),), run_id))

    def _say(self, run_id: RunId, channel: str, topic: Topic[Any], news: News, place: str) -> None:
        self._put(Saying(channel, topic, news, f"{run_id}:{place}", run_id))

    def _put(self, what: Saying | _ForLists) -> None:
        if len(self._waiting) >= WAITING:
            if not self._is_full:
                log.warning("run_news_dropped", extra={"waiting": WAITING})
            self._is_full = True
            return
        self._is_full = False
        self._waiting.append(what)
        self._came.set()


async def _publish(engine: Engine, what: list[Saying | _ForLists]) -> None:
    """Say these; one that cannot be said (an id with control characters) stops no other."""
    try:
        sayings: list[Saying] = []
        for each in what:
            sayings += [each] if isinstance(each, Saying) else await each.sayings(engine)
        try:
            await engine.publish_all(sayings)
        except Refused:
            for each in sayings:
                with suppress(Refused):
                    await engine.publish_all([each])
    except Transient as error:  # nobody hears what is said while the database is away
        log.warning("run_news_lost", extra={"count": len(what), "why": error.code})


def _user_of(user: Mapping[str, Any] | None) -> str | None:
    found = None if user is None else user.get("id")
    return found if isinstance(found, str) else None


def _news_of_event(event: Event, sent: SentEvent) -> Iterator[tuple[str, RunNews | EventNews]]:
    """What lists are told of an event, and of the runs that it has made."""
    event_id, name = sent.event_id, event.name
    yield f"{event_id}:event", EventNews(event_id=event_id, name=name, run_ids=sent.run_ids)
    for run_id in sent.run_ids:
        job, is_new, _ = run_id.partition(f":{event_id}")
        if is_new:  # else the event has joined a run that gathers
            followed = _Followed(run_id, job, event.data, _user_of(event.user))
            yield f"{run_id}:queued", _news_of(followed, StateNews(state="queued"))


def _news_of(followed: _Followed, news: StateNews) -> RunNews:
    """What lists are told of a run."""
    ids = _ids_of(followed.event)
    about = {name: ids[name] for name in TOLD_IDS if name in ids}
    return RunNews(**news.model_dump(), run_id=followed.run_id, job=followed.job, about=about)


def _channel_of(run_id: RunId) -> str:
    return f"run:{run_id}"


def _ids_of(data: object) -> Mapping[str, str]:
    """The ids that the data of an event has, by their names in JSON."""
    if isinstance(data, BaseModel):
        data = data.model_dump(by_alias=True, include={"project_id", *map(_snake, TOLD_IDS)})
    if not isinstance(data, Mapping):
        return {}
    fields = cast("Mapping[str, object]", data)
    return {name: value for name, value in fields.items() if isinstance(value, str)}


def _snake(name: str) -> str:
    return "".join(f"_{each.lower()}" if each.isupper() else each for each in name)


def _usage(usage: Usage) -> UsageNews:
    return UsageNews(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_tokens=usage.cache_write_tokens,
        cost_usd=usage.cost_usd,
    )
