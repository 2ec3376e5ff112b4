// Regular sweeps. The deltas of a message are swept by the job that its end schedules.
import { cronJobs } from "convex/server";
import { internal } from "./_generated/api";

const crons = cronJobs();
crons.interval("sweep tombstones", { hours: 6 }, internal.system.sweep.tombstones, {});
crons.interval("sweep editor bases", { hours: 1 }, internal.system.sweep.editorBases, {});
crons.interval("sweep generation events", { hours: 6 }, internal.system.sweep.generationEvents, {});
crons.interval("sweep refused events", { hours: 24 }, internal.system.sweep.refusedEvents, {});
crons.interval("sweep lost transfers", { hours: 1 }, internal.system.sweep.lostTransfers, {});
crons.interval("ask for lost deletions again", { hours: 1 }, internal.system.sweep.lostDeletions, {});
crons.interval("sweep orphan blobs", { hours: 24 }, internal.system.sweep.orphanBlobs, {});
crons.interval("sweep uploads", { hours: 6 }, internal.system.sweep.uploads, {});
crons.interval("sweep checkpoints", { hours: 6 }, internal.system.sweep.checkpoints, {});
export default crons;
