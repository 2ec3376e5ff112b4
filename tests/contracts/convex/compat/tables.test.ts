// Ids of the wrong table, and of the system's: refused in the words of Convex.
import { expect, test } from "vitest";
import { api, serve } from "./folder.ts";

const FILES = {
  "convex/ids.ts": `
    import { mutation, query } from "./_generated/server";
    export const add = mutation(async ({ db, scheduler }) => ({
      user: await db.insert("users", {}),
      post: await db.insert("posts", {}),
      job: await scheduler.runAfter(1e9, "ids:add" as any, {}),
    }));
    export const get = query(({ db }, { id }: any) => db.get(id));
    export const getFrom = query(({ db }, { table, id }: any) => (db as any).get(table, id));
    export const systemGet = query(({ db }, { id }: any) => db.system.get(id));
    export const remove = mutation(({ db }, { id }: any) => db.delete(id));
    export const patchIn = mutation(({ db }, { table, id }: any) => (db as any).patch(table, id, {}));`,
};

test("an id of another table is refused by the table that was named, an id of the system by db", async () => {
  const client = await serve(FILES);
  const ids: { user: string; post: string; job: string } = await client.mutation(api["ids"]!["add"]!);
  const query = (name: string, args: object) => client.query(api["ids"]![name]!, args as never);
  const mutation = (name: string, args: object) => client.mutation(api["ids"]![name]!, args as never);

  expect(await query("getFrom", { table: "users", id: ids.user })).toMatchObject({ _id: ids.user });
  const wrong = (method: string) => `Invalid argument \`id\` for \`db.${method}\`: expected to be an Id<"users">, got Id<"posts"> instead.`;
  await expect(query("getFrom", { table: "users", id: ids.post })).rejects.toThrow(wrong("get"));
  await expect(mutation("patchIn", { table: "users", id: ids.post })).rejects.toThrow(wrong("patch"));

  expect(await query("systemGet", { id: ids.job })).toMatchObject({ _id: ids.job });
  const isOfSystem = "Uncaught Error: System tables can only be accessed with db.system.";
  await expect(query("get", { id: ids.job })).rejects.toThrow(isOfSystem);
  await expect(mutation("remove", { id: ids.job })).rejects.toThrow(isOfSystem);
  await expect(query("systemGet", { id: ids.user })).rejects.toThrow("Uncaught Error: User tables cannot be accessed with db.system.");
});
