// Values and validators, alike on the embedded server and under convex-test.
import type { Value } from "convex/values";
import { api } from "./convex/_generated/api.js";
import { behaviour, deviation, embeddedOnly, refusal, serveBehaviours } from "./backends.ts";

serveBehaviours();

const bytes = (...values: number[]): ArrayBuffer => new Uint8Array(values).buffer;

const VALUES: Record<string, Value> = {
  null: null,
  true: true,
  "a whole float": 3,
  "a fraction": 0.1,
  "minus zero": -0,
  Infinity: Number.POSITIVE_INFINITY,
  "minus Infinity": Number.NEGATIVE_INFINITY,
  NaN: Number.NaN,
  "the largest float": Number.MAX_VALUE,
  "the smallest float": Number.MIN_VALUE,
  "a float above 2^53": 2 ** 70,
  "the largest int64": 2n ** 63n - 1n,
  "the smallest int64": -(2n ** 63n),
  "an int64 zero": 0n,
  "an empty text": "",
  "a text of many scripts": "é 漢字 🎈 \u0000 \u2028",
  bytes: bytes(0, 1, 254, 255),
  "no bytes": bytes(),
  "an empty list": [],
  "a mixed list": [1, 1n, "1", null, [true], { x: [] }],
  "an empty object": {},
  "a nested object": { a: { b: { c: [1n, bytes(7)] } }, z: -0 },
  "an object with unusual keys": { "with space": 1, "a.b": 2, "3": 3, "-": 4 },
};

for (const [name, value] of Object.entries(VALUES)) {
  behaviour(
    `${name} survives queries, mutations, actions and documents`,
    async (backend) => {
      await backend.mutation(api.values.save, { key: name, value });
      return {
        query: await backend.query(api.values.echo, { value }),
        mutation: await backend.mutation(api.values.echoMutation, { value }),
        action: await backend.action(api.values.echoAction, { value }),
        document: await backend.query(api.values.load, { key: name }),
      };
    },
    { query: value, mutation: value, action: value, document: value },
  );
}

behaviour(
  "functions see the value that was sent",
  (backend) => Promise.all([-0, 1n, Number.NaN, bytes(1, 2), "é"].map((value) => backend.query(api.values.describe, { value }))),
  ["-0", "bigint 1", "number NaN", "bytes 1 2", "string é"],
);

behaviour("a function without a result gives null", (backend) => backend.query(api.values.noResult, {}), null);

behaviour("an undefined field is as good as missing", (backend) => backend.query(api.values.echo, { value: { a: undefined, b: 1 } }), {
  b: 1,
});

const circle = { kind: "circle" as const, radius: 2 };

behaviour(
  "a union of objects takes each member, and optional fields may be missing",
  async (backend) => [
    await backend.query(api.values.takesShape, { shape: circle }),
    await backend.query(api.values.takesShape, { shape: { kind: "square", side: 1 }, tag: "t" }),
  ],
  [{ shape: circle }, { shape: { kind: "square", side: 1 }, tag: "t" }],
);

const WRONG = /ArgumentValidation|Validator error|does not match|missing the required field|extra field|Unable to decode/;
type Args = never;

behaviour(
  "arguments that do not match their validator are refused",
  async (backend) => ({
    noMember: await refusal(backend.query(api.values.takesShape, { shape: { kind: "line" } } as Args), WRONG),
    mixedMembers: await refusal(backend.query(api.values.takesShape, { shape: { kind: "circle", side: 1 } } as Args), WRONG),
    missing: await refusal(backend.query(api.values.takesShape, {} as Args), WRONG),
    extra: await refusal(backend.query(api.values.takesShape, { shape: circle, more: 1 } as Args), WRONG),
    nullForOptional: await refusal(backend.query(api.values.takesShape, { shape: circle, tag: null } as Args), WRONG),
    floatForInt64: await refusal(backend.query(api.values.takesInt64, { count: 1 } as Args), WRONG),
    extraForNothing: await refusal(backend.query(api.values.takesNothing, { a: 1 }), WRONG),
    notAnId: await refusal(backend.query(api.documents.takesValueId, { id: "nonsense" } as Args), WRONG),
  }),
  {
    noMember: "refused",
    mixedMembers: "refused",
    missing: "refused",
    extra: "refused",
    nullForOptional: "refused",
    floatForInt64: "refused",
    extraForNothing: "refused",
    notAnId: "refused",
  },
);

behaviour(
  "records and int64 arrive as such",
  async (backend) => [
    await backend.query(api.values.takesRecord, { scores: { a: 1, "b c": -0 } }),
    await backend.query(api.values.takesInt64, { count: 41n }),
    await backend.query(api.values.takesAnything, { a: 1, b: 2 }),
  ],
  [{ a: 1, "b c": -0 }, 42n, 2],
);

behaviour(
  "a result that does not match its validator is refused",
  (backend) => refusal(backend.query(api.values.givesWrongResult, {}), /ReturnsValidation|Validator error/),
  "refused",
);

const typed = { shape: circle, scores: { a: 1 }, note: null };

behaviour(
  "a document that matches its table is kept as it is",
  (backend) => backend.mutation(api.values.saveTyped, { document: { ...typed, tags: ["x"], count: 7n, raw: bytes(9) } }),
  { ...typed, tags: ["x"], count: 7n, raw: bytes(9) },
);

const NO_MATCH = /does not match the schema|Validator error/;

behaviour(
  "a document that does not match its table is refused",
  async (backend) => ({
    union: await refusal(backend.mutation(api.values.saveTyped, { document: { ...typed, shape: { kind: "line" } } }), NO_MATCH),
    note: await refusal(backend.mutation(api.values.saveTyped, { document: { ...typed, note: 1 } }), NO_MATCH),
    missing: await refusal(backend.mutation(api.values.saveTyped, { document: { shape: circle, scores: {} } }), NO_MATCH),
    number: await refusal(backend.mutation(api.documents.insertsWrongShape, {}), NO_MATCH),
    extra: await refusal(backend.mutation(api.documents.insertsUnknownField, {}), NO_MATCH),
    patched: await refusal(backend.mutation(api.documents.patchesToWrongShape, {}), NO_MATCH),
    foreignId: await refusal(backend.mutation(api.documents.putsForeignId, {}), NO_MATCH),
  }),
  { union: "refused", note: "refused", missing: "refused", number: "refused", extra: "refused", patched: "refused", foreignId: "refused" },
);

behaviour(
  "field names that Convex keeps for itself are refused",
  async (backend) => [
    await refusal(backend.mutation(api.limits.insert, { what: "name", size: 0 }), /\$dollar/),
    await refusal(backend.mutation(api.limits.insert, { what: "name", size: 2 }), /na.*ve/),
  ],
  ["refused", "refused"],
);

deviation(
  "the values of a record are validated, as arguments and in documents",
  async (backend) => [
    await refusal(backend.query(api.values.takesRecord, { scores: { a: "1" } } as Args), WRONG),
    await refusal(backend.mutation(api.values.saveTyped, { document: { ...typed, scores: { a: "1" } } }), NO_MATCH),
  ],
  {
    convex: ["refused", "refused"],
    convexTest: ['gave {"a":"1"}', 'gave {"note":null,"scores":{"a":"1"},"shape":{"kind":"circle","radius":2}}'],
  },
);

const LIMITS = [
  { what: "bytes", fits: 1_000_000, tooMuch: 2 << 20, text: /too large/ },
  { what: "array", fits: 8192, tooMuch: 8193, text: /too long/ },
  { what: "fields", fits: 1024, tooMuch: 1025, text: /too many fields/ },
  { what: "nesting", fits: 14, tooMuch: 30, text: /too nested/ },
] as const;

for (const { what, fits, tooMuch, text } of LIMITS) {
  deviation(
    `the limit of ${what} holds`,
    async (backend) => [
      await backend.mutation(api.limits.insert, { what, size: fits }),
      await refusal(backend.mutation(api.limits.insert, { what, size: tooMuch }), text),
    ],
    { convex: ["kept", "refused"], convexTest: ["kept", 'gave "kept"'] },
  );
}

embeddedOnly(
  "queries and mutations cannot fetch or wait",
  async (backend) => [
    await refusal(backend.query(api.limits.fetches, {}), /Can't use fetch\(\) in queries and mutations/),
    await refusal(backend.mutation(api.limits.sleeps, {}), /Can't use setTimeout\(?\)? in queries and mutations/),
  ],
  ["refused", "refused"],
);

embeddedOnly("time stands still in a query", async (backend) => (await backend.query(api.limits.clock, {})).isStill, true);

behaviour(
  "a query cannot write",
  async (backend) => (await refusal(backend.query(api.limits.writesFromQuery, {}), /./)) === "refused",
  true,
);
