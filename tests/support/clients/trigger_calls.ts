// What a program with Trigger.dev's own SDK does, against the address and the key it is given; prints what came of each call.
import { configure, runs, schedules, tasks } from "@trigger.dev/sdk";

interface Given {
  url: string;
  key: string;
  conversationId: string;
  foreign: string; // a conversation of somebody else's
}

const given = JSON.parse(process.argv[2] ?? "{}") as Given;
if (process.env.TRIGGER_API_URL === undefined) configure({ baseURL: given.url, accessToken: given.key });
const { conversationId } = given;
const QUICKLY = { pollIntervalMs: 50 };
const TASK = "process-message";

async function failureOf(call: Promise<unknown>): Promise<{ status?: number; text: string }> {
  try {
    await call;
    return { text: "nothing" };
  } catch (error) {
    return { status: (error as { status?: number }).status, text: String(error) };
  }
}

const handle = await tasks.trigger(
  TASK,
  { conversationId, message: "Write it" },
  { tags: ["one", "two"], machine: "small-1x", concurrencyKey: "a", idempotencyKey: "first", idempotencyKeyTTL: "1h" },
);
const cached = await tasks.trigger(TASK, { conversationId, message: "Write it" }, { idempotencyKey: "first" });
const polled = await runs.poll(handle.id, QUICKLY);
const retrieved = await runs.retrieve(handle.id);
const batch = await tasks.batchTrigger(TASK, [
  { payload: { conversationId, message: "Write a second one" } },
  { payload: { conversationId, message: "Write a third one" }, options: { tags: "third" } },
]);
const inBatch = await runs.list({ batch: batch.batchId });

const delayed = await tasks.trigger(TASK, { conversationId, message: "Write later" }, { delay: "1h", tags: ["later"] });
let waiting = await runs.retrieve(delayed.id);
while (waiting.status === "QUEUED") waiting = await runs.retrieve(delayed.id);
const rescheduled = await runs.reschedule(delayed.id, { delay: "2h" });
await runs.reschedule(delayed.id, { delay: "1s" });
const late = await runs.poll(delayed.id, QUICKLY);

const slow = await tasks.trigger(TASK, { conversationId, message: "Write it slowly" });
while ((await runs.retrieve(slow.id)).status !== "EXECUTING");
await runs.cancel(slow.id);
const cancelled = await runs.poll(slow.id, QUICKLY);
const unbegun = await tasks.trigger(TASK, { conversationId, message: "Never write it" }, { delay: "1h" });
await runs.cancel(unbegun.id);
const neverBegun = await runs.poll(unbegun.id, QUICKLY);
const replayed = await runs.poll((await runs.replay(handle.id)).id, QUICKLY);

const all: string[] = [];
for await (const run of runs.list({ limit: 2 })) all.push(run.id);
const tagged = await runs.list({ tag: "later", status: "COMPLETED", taskIdentifier: [TASK] });

const wanted = {
  task: TASK,
  cron: "* * * * * *",
  timezone: "Europe/Paris",
  externalId: JSON.stringify({ conversationId, message: "Write it again" }),
  deduplicationKey: "every-second",
};
const schedule = await schedules.create(wanted);
let ticks = await runs.list({ schedule: schedule.id });
while (ticks.data.length === 0) ticks = await runs.list({ schedule: schedule.id });
const same = await schedules.create({ ...wanted, cron: "0 0 * * *" });
const listed = await schedules.list();
const updated = await schedules.update(schedule.id, { task: TASK, cron: "0 1 * * *", externalId: wanted.externalId });
const resting = await schedules.deactivate(schedule.id);
const active = await schedules.activate(schedule.id);
const found = await schedules.retrieve(schedule.id);
await schedules.del(schedule.id);
const gone = await failureOf(schedules.retrieve(schedule.id));

const failures = {
  unknownTask: await failureOf(tasks.trigger("no-such-task", {})),
  badPayload: await failureOf(tasks.trigger(TASK, { conversationId })),
  otherPayload: await failureOf(tasks.trigger(TASK, { conversationId, message: "Other" }, { idempotencyKey: "first" })),
  foreign: await failureOf(tasks.trigger(TASK, { conversationId: given.foreign, message: "Let me in" })),
  badDelay: await failureOf(tasks.trigger(TASK, { conversationId, message: "Write it" }, { delay: "soon" })),
  unknownRun: await failureOf(runs.retrieve("run_none")),
  begun: await failureOf(runs.reschedule(handle.id, { delay: "1h" })),
  badCron: await failureOf(schedules.create({ ...wanted, cron: "often" })),
  gone,
};
process.stdout.write(
  JSON.stringify({
    handle: handle.id,
    cached: cached.id,
    polled,
    retrieved,
    batch,
    inBatch: inBatch.data,
    waiting,
    rescheduled,
    late,
    cancelled,
    neverBegun,
    replayed,
    all,
    tagged: tagged.data,
    ticks: ticks.data,
    schedule,
    same,
    listed,
    updated,
    resting,
    active,
    found,
    failures,
  }),
);
