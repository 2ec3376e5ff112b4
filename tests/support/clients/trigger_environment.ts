// Trigger.dev's SDK with nothing but its two variables; and a subscription, which is not served.
import { runs, tasks } from "@trigger.dev/sdk";

const { conversationId } = JSON.parse(process.argv[2] ?? "{}") as { conversationId: string };
const handle = await tasks.trigger("process-message", { conversationId, message: "Write it" });
const run = await runs.poll(handle.id, { pollIntervalMs: 50 });
const answer = await fetch(`${process.env.TRIGGER_API_URL}/realtime/v1/runs/${handle.id}`);
process.stdout.write(JSON.stringify({ status: run.status, realtime: { status: answer.status, text: await answer.text() } }));
