// The official clients over our origin: `node convex_client.ts ORIGIN TOKEN`. Each line says what one has come to.
import { ConvexClient, ConvexHttpClient } from "convex/browser";
import { makeFunctionReference } from "convex/server";

const [origin = "", token = ""] = process.argv.slice(2);
const address = `${origin}/convex`;
const projects = makeFunctionReference<"query", Record<string, never>, { name: string }[]>("projects:get");
const create = makeFunctionReference<"mutation", { name: string }>("projects:create");

const http = new ConvexHttpClient(address, { skipConvexDeploymentUrlCheck: true, logger: false });
http.setAuth(token);
await http.mutation(create, { name: "by http" });
console.log((await http.query(projects, {})).map(({ name }) => name).join());

const live = new ConvexClient(address, { skipConvexDeploymentUrlCheck: true, logger: false });
live.setAuth(async () => token);
let seen = "";
live.onUpdate(projects, {}, (rows) => {
  const names = rows.map(({ name }) => name).sort();
  if (names.join() !== seen) console.log((seen = names.join()));
  if (names.includes("the end")) void live.close().then(() => process.exit(0));
});
await live.mutation(create, { name: "by socket" });
