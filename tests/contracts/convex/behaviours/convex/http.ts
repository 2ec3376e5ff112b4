// HTTP actions: methods, prefixes, bodies, headers, and what they call.
import { httpRouter } from "convex/server";
import { api } from "./_generated/api";
import { httpAction } from "./_generated/server";

const http = httpRouter();

http.route({
  path: "/echo",
  method: "POST",
  handler: httpAction(async (_, request) => {
    const body = await request.text();
    const query = new URL(request.url).searchParams.get("q");
    return new Response(JSON.stringify({ body, query, header: request.headers.get("x-test") }), {
      status: 201,
      headers: { "content-type": "application/json", "x-answer": "yes" },
    });
  }),
});

http.route({
  pathPrefix: "/files/",
  method: "GET",
  handler: httpAction(async (_, request) => new Response(new URL(request.url).pathname)),
});

http.route({
  path: "/balance",
  method: "GET",
  handler: httpAction(async (ctx, request) => {
    const name = new URL(request.url).searchParams.get("name") ?? "";
    await ctx.runMutation(api.transactions.add, { name, amount: 5 });
    return Response.json(await ctx.runQuery(api.transactions.balance, { name }));
  }),
});

http.route({
  path: "/bytes",
  method: "GET",
  handler: httpAction(async () => new Response(new Uint8Array([0, 255, 10]), { headers: { "content-type": "application/octet-stream" } })),
});

http.route({
  path: "/me",
  method: "GET",
  handler: httpAction(async (ctx) => Response.json((await ctx.auth.getUserIdentity())?.subject ?? null)),
});

http.route({
  path: "/keep",
  method: "POST",
  handler: httpAction(async (ctx, request) => {
    const id = await ctx.storage.store(await request.blob());
    return Response.json(await ctx.runAction(api.storage.read, { id }));
  }),
});

http.route({
  path: "/throws",
  method: "GET",
  handler: httpAction(async () => {
    throw new Error("in an HTTP action");
  }),
});

export default http;
