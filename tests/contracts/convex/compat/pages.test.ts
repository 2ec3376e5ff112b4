// Pages at their edges: as the sources of Convex have it, where convex-test is simpler.
import { ConvexError } from "convex/values";
import { expect, test } from "vitest";
import { api, serve } from "./folder.ts";

const FILES = {
  "convex/rows.ts": `
    import { mutation, query } from "./_generated/server";
    export const add = mutation(async ({ db }, { count }: { count: number }) => {
      for (let n = 0; n < count; n++) await db.insert("rows", { n });
    });
    export const page = query(({ db }, { options }: any) => db.query("rows").paginate(options));
    export const backwards = query(({ db }, { options }: any) => db.query("rows").order("desc").paginate(options));
    export const caught = query(async ({ db }, { options }: any) => {
      try { return await db.query("rows").order("desc").paginate(options); } catch (error: any) { return error.data; }
    });
    export const two = query(async ({ db }) => {
      await db.query("rows").paginate({ numItems: 1, cursor: null });
      await db.query("rows").paginate({ numItems: 1, cursor: null });
    });`,
};
type Page = { page: { n: number }[]; isDone: boolean; continueCursor: string; splitCursor: string | null; pageStatus: string | null };

test("pages at their edges", async () => {
  const client = await serve(FILES);
  const page = async (options: object): Promise<Page> => await client.query(api["rows"]!["page"]!, { options } as never);
  const numbers = ({ page }: Page) => page.map(({ n }) => n);
  await client.mutation(api["rows"]!["add"]!, { count: 6 } as never);

  // A page that is exactly full does not look for more; the one after it is empty and done.
  const full = await page({ numItems: 6, cursor: null });
  expect(full).toMatchObject({ isDone: false, pageStatus: null });
  expect(await page({ numItems: 6, cursor: full.continueCursor })).toMatchObject({ page: [], isDone: true });
  expect(await page({ numItems: 7, cursor: null })).toMatchObject({ isDone: true });

  // Both halves of a page, cut at its split cursor, are the page.
  const first = await page({ numItems: 6, cursor: null, endCursor: full.splitCursor });
  const second = await page({ numItems: 6, cursor: full.splitCursor, endCursor: full.continueCursor });
  expect([numbers(first), numbers(second)]).toEqual([
    [0, 1, 2, 3],
    [4, 5],
  ]);
  expect(second.continueCursor).toBe(full.continueCursor);

  // Limits cut a page that has no end yet, and only that.
  const cut = await page({ numItems: 6, cursor: null, maximumRowsRead: 4 });
  expect([numbers(cut), cut.pageStatus, cut.isDone]).toEqual([[0, 1, 2, 3], "SplitRequired", false]);
  const pinned = await page({ numItems: 6, cursor: null, endCursor: full.continueCursor, maximumRowsRead: 1 });
  expect(numbers(pinned)).toHaveLength(6);
  expect((await page({ numItems: 4, cursor: null, maximumRowsRead: 4 })).pageStatus).toBeNull();

  await expect(page({ numItems: 0, cursor: null })).rejects.toThrow("Uncaught Error: Must request at least 1 document while paginating");
  await expect(page({ numItems: 32_001, cursor: null })).rejects.toThrow("Uncaught Error: Requested too many items: 32001");
  await expect(page({ numItems: 1, cursor: "not one" })).rejects.toThrow("Uncaught Error: Failed to parse cursor");
  const elsewhere = { options: { numItems: 1, cursor: full.continueCursor } } as never;
  const data = { isConvexSystemError: true, paginationError: "InvalidCursor" };
  await expect(client.query(api["rows"]!["backwards"]!, elsewhere)).rejects.toThrow(ConvexError);
  await expect(client.query(api["rows"]!["backwards"]!, elsewhere)).rejects.toMatchObject({ data });
  expect(await client.query(api["rows"]!["caught"]!, elsewhere)).toEqual(data);
  await expect(client.query(api["rows"]!["two"]!)).rejects.toThrow("Convex only supports a single paginated query in each function.");
});
