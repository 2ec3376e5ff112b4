"""What a program with Inngest's own Python SDK does; prints what came of each call."""

import asyncio
import json
import sys
from typing import Any

import inngest


def client_with(url: str, event_key: str) -> inngest.Inngest:
    return inngest.Inngest(
        app_id="program", event_api_base_url=url, event_key=event_key, is_production=True
    )


async def main(given: dict[str, Any]) -> None:
    data = {"conversationId": given["conversationId"], "message": "Write it"}
    event = inngest.Event(name="message/sent", data=data, id="from-python")
    client = client_with(given["url"], given["eventKey"])
    ids = await client.send([event])
    again = await client.send(event)
    sync = await asyncio.to_thread(client.send_sync, event)
    try:
        await client_with(given["url"], "not-a-key-of-ours").send(event)
    except Exception as error:  # noqa: BLE001 - whatever their SDK raises is told
        refused = str(error)
    else:
        refused = ""
    told = {"ids": ids, "again": again, "sync": sync, "refused": refused}
    sys.stdout.write(json.dumps(told))


asyncio.run(main(json.loads(sys.argv[1])))
