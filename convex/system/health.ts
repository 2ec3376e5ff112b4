// Is the deployment there, and does it know our key.
import { v } from "convex/values";
import { systemQuery } from "../model/functions.ts";

export const ping = systemQuery({ args: {}, returns: v.null(), handler: async () => null });
