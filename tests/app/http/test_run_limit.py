"""How many answers a person may have at once, as the operator sets it."""

import pytest

from tests.support.api_client import api_at
from tests.support.product import disposable

pytestmark = pytest.mark.timeout(60)  # the test starts the product


async def test_an_answer_too_many_is_refused(
    local_env: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    env = {**local_env, "POLARIS_RUN_LIMIT": "1"}
    with disposable(["dev"], folder=tmp_path_factory.mktemp("limited"), env=env) as program:
        async with api_at(program.ready["api"], "local", program.ready["token"]) as user:
            first = await user.send(await user.conversation(), "SLOW")
            other = {"conversationId": await user.conversation(), "message": "hello"}
            refused = await user.call("POST", "/api/messages", other)
            assert refused.status == 429
            assert refused.body["code"] == "quota_exceeded"
            assert (refused.body["currentUsage"], refused.body["limit"]) == (1, 1)
            await user.ok("POST", "/api/messages/cancel", {"messageId": first["messageId"]})
            await user.until_final(first["messageId"])
            assert (await user.call("POST", "/api/messages", other)).status < 300
