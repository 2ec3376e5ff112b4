"""The eval of the system prompt: its parts are all of it, and its rules tell right from wrong."""

from dataclasses import replace

import pytest

from bench.agent.prompt import PARTS, Obedient, Part, agent_of_a_message, done, unnamed, without
from bench.agent.prompt_tasks import TASKS

TESTED = [part for part in PARTS if part.task is not None]


async def test_every_line_of_the_prompt_belongs_to_a_part() -> None:
    system = (await agent_of_a_message()).system
    assert unnamed(system) == []
    assert all(system.count(word) == 1 for part in PARTS for word in part.words)


def test_every_task_is_that_of_one_part() -> None:
    assert sorted(part.task or "" for part in TESTED) == sorted(TASKS)


@pytest.mark.parametrize("part", TESTED, ids=lambda part: part.name)
async def test_a_task_is_lost_without_its_part(part: Part) -> None:
    task = TASKS[part.task or ""]
    agent = replace(await agent_of_a_message(), model=Obedient(task, part))
    assert task.is_good(await done(agent, task))
    bare = replace(agent, system=without(agent.system, part))
    assert not task.is_good(await done(bare, task))
