"""A short answer says what it took: whole ones, and those that broke off."""

import asyncio

import pytest

from core.usage import Usage
from llm.faults import StreamBroken
from llm.short_answer import short_answer, short_answer_within
from tests.support.scripted_turns import ScriptedTurns, says

ONE = Usage(input_tokens=10, output_tokens=5, cost_usd=0.25)  # as the scripted turns have it


class Meter:
    """Notes what was taken."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, Usage]] = []

    async def spend(self, model: str, usage: Usage) -> None:
        self.taken.append((model, usage))


async def test_what_was_said_is_counted_once() -> None:
    meter, model = Meter(), ScriptedTurns([says("Yes.")])
    said = await short_answer(model, "Be short.", "Well?", max_tokens=10, spend=meter.spend)
    assert said == "Yes."
    ((name, usage),) = meter.taken
    assert (name, usage) == (says("Yes.").model, ONE)


@pytest.mark.parametrize("usage", [Usage(output_tokens=3), Usage()], ids=str)
async def test_one_that_broke_off_counts_as_far_as_is_known(usage: Usage) -> None:
    broken = StreamBroken("cut")
    broken.usage = usage
    meter, model = Meter(), ScriptedTurns([broken])
    said = await short_answer_within(5, model, "", "Well?", max_tokens=10, spend=meter.spend)
    assert said is None
    assert [taken for _, taken in meter.taken] == ([usage] if usage.tokens else [])


async def test_one_that_is_cancelled_is_not_counted() -> None:
    meter, model = Meter(), ScriptedTurns([says("Yes.")], by_turn=True, hang_in_turn=0)
    async with asyncio.TaskGroup() as tasks:
        asking = tasks.create_task(
            short_answer(model, "", "Well?", max_tokens=10, spend=meter.spend)
        )
        await model.hanging.wait()
        asking.cancel()
    assert meter.taken == []
