// Documents, ids, ranges, filters and pages, alike on the embedded server and under convex-test.
import type { Value } from "convex/values";
import { api } from "./convex/_generated/api.js";
import { type Backend, behaviour, deviation, refusal, serveBehaviours } from "./backends.ts";

serveBehaviours();

// -- one document ---------------------------------------------------------------------------------

behaviour("a patch with undefined removes the field", (b) => b.mutation(api.documents.patchRemovesUndefined, {}), { label: "new", b: 2 });

behaviour("a replacement keeps only the new fields, the id and the time", (b) => b.mutation(api.documents.replaceDropsTheRest, {}), {
  fields: { label: "new" },
  isSameId: true,
  isSameTime: true,
});

behaviour("a patch replaces whole fields", (b) => b.mutation(api.documents.patchIsShallow, {}), { label: "one", a: { x: 3 } });

behaviour("a deleted document is gone", (b) => b.mutation(api.documents.deleteThenGet, {}), null);

behaviour(
  "what is gone can be neither deleted nor patched",
  async (b) => [
    await refusal(b.mutation(api.documents.deleteTwice, {}), /non-?existent/i),
    await refusal(b.mutation(api.documents.patchDeleted, {}), /non-?existent/i),
  ],
  ["refused", "refused"],
);

behaviour("a call may name the table", (b) => b.mutation(api.documents.namesTheTable, {}), { patched: 2, replaced: "b", gone: null });

behaviour("a call may not name another table", (b) => refusal(b.mutation(api.documents.namesTheWrongTable, {}), /./), "refused");

behaviour("creation times grow within one mutation", (b) => b.mutation(api.documents.creationTimesGrow, {}), true);

// -- ids ------------------------------------------------------------------------------------------

behaviour(
  "an id belongs to its table",
  async (b) => {
    const value = await b.mutation(api.documents.create, { table: "values" });
    const account = await b.mutation(api.documents.create, { table: "accounts" });
    return {
      own: await b.query(api.documents.takesValueId, { id: value as never }),
      foreign: await refusal(
        b.query(api.documents.takesValueId, { id: account as never }),
        /ArgumentValidation|Validator error|does not match/,
      ),
      normalizedOwn: await b.query(api.documents.normalize, { id: value }),
      normalizedForeign: await b.query(api.documents.normalize, { id: account }),
      normalizedNonsense: await b.query(api.documents.normalize, { id: "nonsense" }),
    };
  },
  { own: "made", foreign: "refused", normalizedOwn: true, normalizedForeign: false, normalizedNonsense: false },
);

deviation("a text that is no id cannot be fetched", (b) => refusal(b.query(api.documents.getText, { id: "nonsense" }), /./), {
  convex: "refused",
  convexTest: "gave null",
});

// -- ranges ---------------------------------------------------------------------------------------

const bytes = (...values: number[]): ArrayBuffer => new Uint8Array(values).buffer;

/** Labels in the order that an index must have; the first is missing in its document. */
const ORDERED: [string, Value | undefined][] = [
  ["missing", undefined],
  ["null", null],
  ["int64 -5", -5n],
  ["int64 0", 0n],
  ["int64 large", 2n ** 62n],
  ["-Infinity", Number.NEGATIVE_INFINITY],
  ["-1.5", -1.5],
  ["-0", -0],
  ["0", 0],
  ["tiny", Number.MIN_VALUE],
  ["1", 1],
  ["2^53", 2 ** 53],
  ["Infinity", Number.POSITIVE_INFINITY],
  ["NaN", Number.NaN],
  ["false", false],
  ["true", true],
  ["empty text", ""],
  ["A", "A"],
  ["a", "a"],
  ["a0", "a\u0000"],
  ["ab", "ab"],
  ["é", "é"],
  ["漢", "漢"],
  ["no bytes", bytes()],
  ["bytes 0", bytes(0)],
  ["bytes 1", bytes(1)],
  ["bytes 255", bytes(255)],
  ["empty list", []],
  ["[1]", [1]],
  ["[1, 1]", [1, 1]],
  ["[2]", [2]],
  ["{}", {}],
  ["{a: 1}", { a: 1 }],
  ["{a: 2}", { a: 2 }],
];

const row = (label: string, fields: Record<string, Value | undefined>) => ({ label, ...fields }) as never;

/** A fixed order that is not the sorted one. */
function shuffled<T>(items: T[]): T[] {
  return items
    .map((item, i) => ({ item, key: (i * 7919) % 31 }))
    .sort((x, y) => x.key - y.key)
    .map(({ item }) => item);
}

async function fillOrdered(b: Backend): Promise<void> {
  await b.mutation(api.rows.fill, { rows: shuffled(ORDERED).map(([label, a]) => row(label, { a })) });
}

const labels = ORDERED.map(([label]) => label);

behaviour(
  "an index orders every type of value as Convex does",
  async (b) => {
    await fillOrdered(b);
    return b.query(api.rows.between, {});
  },
  labels,
);

behaviour(
  "descending is exactly the reverse",
  async (b) => {
    await fillOrdered(b);
    return b.query(api.rows.between, { order: "desc" });
  },
  labels.toReversed(),
);

const GRID = [1, 2, 3]
  .flatMap((a) => [1, 2, 3, 4].map((b) => row(`${a}/${b}`, { a, b })))
  .concat(row("1/-", { a: 1 }), row("-/1", { b: 1 }), row("-/-", {}));

behaviour(
  "ranges on the second field hold inside the first",
  async (b) => {
    await b.mutation(api.rows.fill, { rows: GRID });
    const between = (args: object) => b.query(api.rows.between, { a: { value: 1 }, ...args });
    return {
      all: await between({}),
      gt: await between({ gt: { value: 2 } }),
      gte: await between({ gte: { value: 2 } }),
      lt: await between({ lt: { value: 2 } }),
      lte: await between({ lte: { value: 2 } }),
      both: await between({ gt: { value: 1 }, lte: { value: 3 } }),
      crossed: await between({ gt: { value: 3 }, lt: { value: 2 } }),
      desc: await between({ gte: { value: 3 }, order: "desc" }),
      missing: await b.query(api.rows.between, { isAMissing: true }),
      otherType: await between({ gt: { value: "" } }),
    };
  },
  {
    all: ["1/-", "1/1", "1/2", "1/3", "1/4"],
    gt: ["1/3", "1/4"],
    gte: ["1/2", "1/3", "1/4"],
    lt: ["1/-", "1/1"],
    lte: ["1/-", "1/1", "1/2"],
    both: ["1/2", "1/3"],
    crossed: [],
    desc: ["1/4", "1/3"],
    missing: ["-/-", "-/1"],
    otherType: [],
  },
);

behaviour(
  "an index on a nested field finds it, and what lacks it",
  async (b) => {
    await b.mutation(api.rows.fill, {
      rows: [row("one", { deep: { x: 1 } }), row("two", { deep: { x: 2 } }), row("text", { deep: { x: "1" } }), row("none", {})],
    });
    return [await b.query(api.rows.deeper, { x: 1 }), await b.query(api.rows.deeper, { x: "1" }), await b.query(api.rows.deeper, { x: 3 })];
  },
  [["one"], ["text"], []],
);

behaviour(
  "without an index the order is that of creation",
  async (b) => {
    await b.mutation(api.rows.fill, { rows: [row("one", {}), row("two", {}), row("three", {})] });
    return { newestFirst: await b.query(api.rows.newestFirst, {}), since: await b.query(api.rows.sinceCreation, { label: "one" }) };
  },
  { newestFirst: ["three", "two", "one"], since: ["two", "three"] },
);

behaviour(
  "filters combine",
  async (b) => {
    await b.mutation(api.rows.fill, {
      rows: [row("x", { a: 1, b: 5 }), row("y", { a: 2, b: 4 }), row("z", { a: 3, b: 2 }), row("deep", { a: 3, b: 9, deep: { x: 1 } })],
    });
    return b.query(api.rows.filtered, {});
  },
  { both: ["z", "deep"], either: ["x", "z"], sum: ["x", "y"], negated: ["x", "z", "deep"], missing: ["x", "y", "z"] },
);

behaviour(
  "first, unique and take end a query",
  async (b) => {
    await b.mutation(api.rows.fill, { rows: [row("c", { a: 3 }), row("a", { a: 1 }), row("b", { a: 2 })] });
    return { ...(await b.query(api.rows.ends, {})), iterated: await b.query(api.rows.iterated, {}) };
  },
  { first: "a", none: null, noUnique: null, taken: 2, takenZero: 0, iterated: ["a", "b"] },
);

behaviour(
  "unique of two is an error",
  async (b) => {
    await b.mutation(api.rows.fill, { rows: [row("a", {}), row("b", {})] });
    return refusal(b.query(api.rows.uniqueOfTwo, {}), /unique\(\) query returned more than one result/);
  },
  "refused",
);

behaviour("an index that was not declared is refused", (b) => refusal(b.query(api.rows.unknownIndex, {}), /by_nothing/), "refused");

behaviour("fields of an index out of order are refused", (b) => refusal(b.query(api.rows.wrongFieldOrder, {}), /./), "refused");

behaviour("a mutation reads its own writes", (b) => b.mutation(api.rows.readsOwnWrites, {}), [["one"], ["two", "one"], ["two"]]);

// -- pages ----------------------------------------------------------------------------------------

type Paged = { pages: number[][]; isDone: boolean };

async function pagesOf(b: Backend, numItems: number, order: "asc" | "desc", between?: (page: number) => Promise<unknown>): Promise<Paged> {
  const pages: number[][] = [];
  let cursor: string | null = null;
  for (;;) {
    const page: { page: { rank: number }[]; isDone: boolean; continueCursor: string } = await b.query(api.posts.page, {
      list: "l",
      order,
      paginationOpts: { numItems, cursor },
    });
    pages.push(page.page.map(({ rank }) => rank));
    if (page.isDone || pages.length > 20) return { pages: pages.filter((ranks) => ranks.length > 0), isDone: page.isDone };
    cursor = page.continueCursor;
    await between?.(pages.length);
  }
}

const addMany = (b: Backend, ranks: number[]) => b.mutation(api.posts.addMany, { list: "l", ranks });

behaviour(
  "pages follow one another without gap or overlap, both ways",
  async (b) => {
    await addMany(b, [5, 1, 4, 2, 3, 7, 6]);
    return { asc: await pagesOf(b, 3, "asc"), desc: await pagesOf(b, 2, "desc") };
  },
  {
    asc: { pages: [[1, 2, 3], [4, 5, 6], [7]], isDone: true },
    desc: { pages: [[7, 6], [5, 4], [3, 2], [1]], isDone: true },
  },
);

behaviour(
  "a cursor stands where it stood, also when rows come and go around it",
  async (b) => {
    await addMany(b, [1, 2, 3, 4, 5, 6]);
    return pagesOf(b, 2, "asc", async (page) => {
      if (page !== 1) return;
      await addMany(b, [0, 1.5, 2.5]); // two behind the cursor, one before it
      await b.mutation(api.posts.remove, { list: "l", rank: 2 }); // the row that the cursor stands on
      await b.mutation(api.posts.remove, { list: "l", rank: 3 });
    });
  },
  {
    pages: [
      [1, 2],
      [2.5, 4],
      [5, 6],
    ],
    isDone: true,
  },
);

behaviour(
  "pages of an empty list and of one that is exactly full end",
  async (b) => {
    const empty = await pagesOf(b, 2, "asc");
    await addMany(b, [1, 2]);
    return { empty, full: await pagesOf(b, 2, "asc") };
  },
  { empty: { pages: [], isDone: true }, full: { pages: [[1, 2]], isDone: true } },
);

behaviour(
  "a filtered page is filled up",
  async (b) => {
    await addMany(b, [1, 2, 3, 4, 5, 6]);
    const page = await b.query(api.posts.evenPage, { list: "l", paginationOpts: { numItems: 2, cursor: null } });
    return page.page.map(({ rank }) => rank);
  },
  [2, 4],
);

// -- searching ------------------------------------------------------------------------------------

behaviour(
  "search finds words of one list",
  async (b) => {
    await b.mutation(api.posts.add, { list: "l", rank: 1, text: "the quick brown fox" });
    await b.mutation(api.posts.add, { list: "l", rank: 2, text: "a lazy dog" });
    await b.mutation(api.posts.add, { list: "other", rank: 3, text: "another fox" });
    return {
      fox: await b.query(api.posts.search, { list: "l", words: "fox" }),
      none: await b.query(api.posts.search, { list: "l", words: "zebra" }),
    };
  },
  { fox: ["the quick brown fox"], none: [] },
);

behaviour(
  "the last word of a search may be unfinished, and case does not matter",
  async (b) => {
    await b.mutation(api.posts.add, { list: "l", rank: 1, text: "The Quick brown fox" });
    await b.mutation(api.posts.add, { list: "l", rank: 2, text: "a lazy dog" });
    const found = (words: string) => b.query(api.posts.search, { list: "l", words });
    return {
      prefix: await found("qui"),
      second: await found("brown fo"),
      either: (await found("quick lazy")).length,
      case: (await found("FOX")).length,
    };
  },
  { prefix: ["The Quick brown fox"], second: ["The Quick brown fox"], either: 2, case: 1 },
);

behaviour(
  "the nearest vectors of a group come first",
  async (b) => {
    await b.mutation(api.vectors.add, { name: "right", group: "g", embedding: [1, 0] });
    await b.mutation(api.vectors.add, { name: "diagonal", group: "g", embedding: [1, 1] });
    await b.mutation(api.vectors.add, { name: "left", group: "g", embedding: [-1, 0] });
    await b.mutation(api.vectors.add, { name: "elsewhere", group: "h", embedding: [1, 0] });
    return b.action(api.vectors.nearest, { vector: [2, 0.1], group: "g", limit: 2 });
  },
  ["right", "diagonal"],
);
