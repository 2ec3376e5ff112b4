import pytest

from core.errors import Conflict, NotFound, Refused
from core.ids import ConversationId, OwnerId, ProjectId
from store import Busy, Store, StoreDenied, StoreFault, StoreLimits, StoreUnavailable
from tests.store.conftest import Chat
from tests.store.proxy import Fault, FaultyProxy
from tests.support.store import KEY

PASSING = [Fault.UNAVAILABLE, Fault.RATE_LIMITED, Fault.DROPPED, Fault.LOST_ANSWER]


@pytest.mark.parametrize("fault", PASSING)
async def test_a_fault_that_passes_is_not_seen(
    shaky: Store, proxy: FaultyProxy, owner: OwnerId, fault: Fault
):
    proxy.faults.extend([fault, fault])
    project = await shaky.projects.create(owner=owner, name="Once")
    assert proxy.requests == 3
    page = await shaky.projects.list(owner=owner)
    assert [item.project_id for item in page.items] == [project.project_id]


async def test_a_mutation_that_ran_twice_had_its_effect_once(
    shaky: Store, proxy: FaultyProxy, chat: Chat
):
    proxy.faults.append(Fault.LOST_ANSWER)
    sent = await shaky.messages.send(
        chat.conversation_id, owner=chat.owner, content="again", policy="cancel"
    )
    assert sent.is_duplicate
    page = await shaky.messages.list(chat.conversation_id, owner=chat.owner)
    assert [message.content for message in page.items] == ["", "again", "", "hello"]


async def test_a_lost_answer_does_not_turn_a_rename_into_an_error(
    shaky: Store, proxy: FaultyProxy, chat: Chat
):
    project_id, owner = chat.project_id, chat.owner
    await shaky.files.write(project_id, "old.ts", b"1", owner=owner)
    proxy.faults.append(Fault.LOST_ANSWER)
    moved = await shaky.files.rename(project_id, "old.ts", "new.ts", owner=owner)
    assert moved.path == "new.ts"
    proxy.faults.append(Fault.LOST_ANSWER)
    entry = await shaky.files.write(
        project_id, "new.ts", b"2", owner=owner, expected_sha256=moved.sha256
    )
    assert (await shaky.files.read(project_id, "new.ts", owner=owner)).data == b"2"
    assert entry.version == 4  # made, buried at the old path, moved, written


async def test_a_store_that_stays_away_is_unavailable_within_the_deadline(proxy: FaultyProxy):
    proxy.is_down = True
    limits = StoreLimits(deadline_s=0.3, first_pause_s=0.01, longest_pause_s=0.05)
    async with Store(proxy.url, internal_key=KEY, limits=limits) as store:
        with pytest.raises(StoreUnavailable):
            await store.projects.list(owner=OwnerId("someone"))
    assert proxy.requests > 3


async def test_a_store_that_hangs_is_unavailable_within_the_deadline(proxy: FaultyProxy):
    proxy.gate.clear()
    limits = StoreLimits(deadline_s=0.2, attempt_s=10)
    async with Store(proxy.url, internal_key=KEY, limits=limits) as store:
        with pytest.raises(StoreUnavailable, match="did not answer within"):
            await store.projects.list(owner=OwnerId("someone"))


async def test_a_refusal_is_not_tried_again(shaky: Store, proxy: FaultyProxy, owner: OwnerId):
    with pytest.raises(NotFound, match="Project not found"):
        await shaky.projects.owned(ProjectId("nonsense"), owner=owner)
    assert proxy.requests == 1


async def test_a_refusal_keeps_its_kind_code_and_text(store: Store, chat: Chat):
    with pytest.raises(Refused) as name:
        await store.projects.create(owner=chat.owner, name=" ")
    assert (name.value.code, str(name.value)) == ("bad_name", "Project name is required")
    with pytest.raises(Busy) as busy:
        await store.messages.send(
            chat.conversation_id, owner=chat.owner, content="x", policy="reject"
        )
    assert isinstance(busy.value, Conflict)
    assert busy.value.message_id == chat.message_id
    with pytest.raises(NotFound, match="Conversation not found"):
        await store.conversations.owned(ConversationId("x"), owner=chat.owner)


async def test_a_wrong_internal_key_is_the_operators_mistake(convex_url: str):
    async with Store(convex_url, internal_key="wrong") as store:
        with pytest.raises(StoreDenied, match="Invalid internal key"):
            await store.ping()


async def test_a_401_is_the_operators_mistake(shaky: Store, proxy: FaultyProxy, owner: OwnerId):
    proxy.faults.append(Fault.DENIED)
    with pytest.raises(StoreDenied):
        await shaky.projects.list(owner=owner)
    assert proxy.requests == 1


async def test_a_function_that_is_missing_or_misused_is_a_fault(store: Store):
    with pytest.raises(StoreFault):
        await store.http.query("system/projects:nonsense", {})
    with pytest.raises(StoreFault):
        await store.http.query("system/projects:list", {"ownerId": 3})


@pytest.mark.parametrize("fault", [Fault.UNAVAILABLE, Fault.DROPPED, Fault.LOST_ANSWER])
async def test_a_blob_goes_and_comes_through_faults(
    shaky: Store, proxy: FaultyProxy, chat: Chat, fault: Fault
):
    """The addresses are Convex's own, so the proxy is put in front of them by hand."""
    data = b"\xff" * 2_000_000

    def proxied(url: str) -> str:
        return url.replace(proxy.target, proxy.url)

    upload_url = await shaky.http.mutation("system/files:uploadUrl", {})
    proxy.faults.append(fault)
    storage_id = await shaky.http.upload(proxied(upload_url), data)
    file = {"path": "blob", "size": len(data), "sha256": "x", "storageId": storage_id}
    owned = {"ownerId": chat.owner, "projectId": chat.project_id}
    await shaky.http.mutation("system/files:write", owned | {"file": file})
    row = await shaky.http.query("system/files:read", owned | {"path": "blob"})
    proxy.faults.append(fault)
    assert await shaky.http.download(proxied(row["url"])) == data


async def test_a_ping_is_tried_once(shaky: Store, proxy: FaultyProxy):
    proxy.faults.append(Fault.UNAVAILABLE)
    with pytest.raises(StoreUnavailable):
        await shaky.ping()
    await shaky.ping()


async def test_half_of_a_character_does_not_break_the_request(store: Store, owner: OwnerId):
    project = await store.projects.create(owner=owner, name="a\ud83d b\ud83d\ude00 \ud800")
    assert project.name == "a\ufffd b\N{GRINNING FACE} \ufffd"


async def test_a_store_outside_its_context_says_so():
    with pytest.raises(RuntimeError, match="outside `async with`"):
        await Store("http://127.0.0.1:1", internal_key=KEY).ping()
