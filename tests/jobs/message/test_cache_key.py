"""Requests of one conversation share a key for the provider's cache, which tells nothing of it."""

import pytest

from tests.jobs.message.site import Site
from tests.support.scripted_turns import ScriptedTurns, says

pytestmark = pytest.mark.timeout(120)


async def test_it_is_that_of_the_conversation_on_any_worker(site: Site) -> None:
    first = site.conversation_id
    other = await site.store.conversations.create(site.project_id, owner=site.owner, title="Two")
    keys: dict[str, list[str]] = {}
    for conversation_id in (first, first, other.conversation_id):
        site.conversation_id = conversation_id
        site.model = model = ScriptedTurns([says("Done.")])
        async with site.worker() as engine:
            await site.answer(engine, "hello")
        keys.setdefault(conversation_id, []).append(model.requests[0].cache_key)
    one, again = keys[first]
    [another] = keys[other.conversation_id]
    assert one == again != another
    assert first not in one
    assert 16 <= len(one) <= 64
