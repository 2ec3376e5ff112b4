// Functions that run again and again.
import { cronJobs } from "convex/server";
import { internal } from "./_generated/api";

const crons = cronJobs();

crons.interval("beat", { seconds: 1 }, internal.beats.beat, { by: 2 });

export default crons;
