// The official client as a process: `node official_client.ts URL` adds one note, and says so when it is stored.
import { ConvexClient } from "convex/browser";
import { makeFunctionReference } from "convex/server";

const client = new ConvexClient(process.argv[2] ?? "", { skipConvexDeploymentUrlCheck: true, logger: false });
const add = makeFunctionReference<"mutation">("notes:add");
await client.mutation(add, { list: "official", rank: 1, text: "x".repeat(50_000) });
console.log("stored");
await client.close();
