// Functions that do several things at once, call one another, or ask for too much: alike on both servers.
import { api } from "./convex/_generated/api.js";
import { behaviour, embeddedOnly, refusal, serveBehaviours } from "./backends.ts";

serveBehaviours();

behaviour(
  "calls made at once take effect in the order in which they were made",
  (b) => b.mutation(api.together.insertsAtOnce, { count: 50 }),
  { isInOrder: true, few: 3, last: "r49" },
);

behaviour("nested mutations started at once run one after the other", (b) => b.mutation(api.together.nestedAtOnce, {}), [1, 2, 3, 4, 5]);

behaviour(
  "mutations that an action starts at once are all counted",
  (b) => b.action(api.together.fromActionAtOnce, {}),
  Array.from({ length: 20 }, (_, i) => i + 1),
);

behaviour("actions call actions", (b) => b.action(api.together.actionOfActions, {}), 10);

behaviour("queries call queries, in folders and by default export too", (b) => b.query(api.together.queryOfQueries, {}), [
  "2",
  "by default",
]);

behaviour(
  "a module in a folder serves its named and its default function",
  async (b) => [await b.query(api.nested.deep.named, { x: 1 }), await b.query(api.nested.deep.default, {})],
  [2, "by default"],
);

behaviour("an action may use Node's modules", async (b) => (await b.action(api.nodejs.sha256, { text: "" })).slice(0, 8), "e3b0c442");

behaviour("a document may be replaced by itself, system fields and all", (b) => b.mutation(api.together.replacesWithItself, {}), {
  label: "one",
  a: 1,
  b: 3,
});

behaviour(
  "an id can be neither changed nor chosen",
  async (b) => [
    await refusal(b.mutation(api.together.changesItsId, {}), /_id/),
    await refusal(b.mutation(api.together.insertsWithId, {}), /_id/),
  ],
  ["refused", "refused"],
);

behaviour(
  "what is no Convex value cannot be returned",
  async (b) => {
    const results: Record<string, unknown> = {};
    for (const what of ["date", "map", "set", "function", "undefined in a list", "a class"]) {
      results[what] = await refusal(b.query(api.together.returns, { what }), /not a (supported|valid) Convex (type|value)/);
    }
    return { ...results, fine: await b.query(api.together.returns, { what: "undefined in an object" }) };
  },
  {
    date: "refused",
    map: "refused",
    set: "refused",
    function: "refused",
    "undefined in a list": "refused",
    "a class": "refused",
    fine: { b: 1 },
  },
);

behaviour("a table that the schema does not name holds anything", (b) => b.mutation(api.together.usesUndeclaredTable, {}), [[1]]);

behaviour("every table can be read by id and by creation time", (b) => b.mutation(api.together.byOwnIndexes, {}), {
  byId: "one",
  byTime: 1,
  byFilter: "one",
  tieByTime: 1,
});

behaviour(
  "one transaction writes 16,000 documents and no more",
  async (b) => refusal(b.mutation(api.together.manyWrites, { count: 16_001 }), /[Tt]oo many (writes|documents)/),
  "refused",
);

behaviour(
  "one transaction makes 4,096 queries and no more",
  async (b) => [
    await b.query(api.together.manyQueries, { count: 4000 }),
    await refusal(b.query(api.together.manyQueries, { count: 4097 }), /Too many/),
  ],
  ["read", "refused"],
);

behaviour(
  "one mutation schedules 1,000 functions and no more",
  (b) => refusal(b.mutation(api.together.manySchedules, { count: 1001 }), /[Tt]oo many functions/),
  "refused",
);

embeddedOnly("one query reads one page", (b) => refusal(b.query(api.together.twoPages, {}), /multiple paginated queries/), "refused");

embeddedOnly("a function sees the environment that the server was given", (b) => b.query(api.together.variable, {}), "set for the tests");
