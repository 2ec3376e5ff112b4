// Data of events from the schema of their models: what to begin with, and what does not fit.
import { expect, test } from "vitest";
import { objectOf } from "../../web/src/runs/json-text.ts";
import { type Job, namesOf, schemaOf } from "../../web/src/runs/jobs-wire.ts";
import { exampleOf, problemsOf } from "../../web/src/runs/schema.ts";

const SENT = {
  $defs: {
    Budget: {
      type: "object",
      properties: { tokens: { type: "integer", minimum: 1 }, next: { $ref: "#/$defs/Budget" } },
      required: ["tokens"],
    },
  },
  type: "object",
  additionalProperties: false,
  properties: {
    messageId: { type: "string", minLength: 2 },
    toolSet: { enum: ["paths", "ids"], type: "string", default: "paths" },
    model: { anyOf: [{ type: "string" }, { type: "null" }], default: null },
    budgets: { type: "array", items: { $ref: "#/$defs/Budget" }, default: [] },
    usesMcp: { type: "boolean" },
    first: { $ref: "#/$defs/Budget" },
    note: { type: "string" },
  },
  required: ["messageId", "usesMcp", "first"],
};
const FITS = { messageId: "m1", usesMcp: true, first: { tokens: 3 } };

test("an example has what is required, and the defaults of the rest", () => {
  expect(exampleOf(SENT)).toEqual({ messageId: "", toolSet: "paths", model: null, budgets: [], usesMcp: false, first: { tokens: 1 } });
  const itself = { $defs: { A: { type: "object", properties: { a: { $ref: "#/$defs/A" } }, required: ["a"] } }, $ref: "#/$defs/A" };
  expect(() => exampleOf(itself)).not.toThrow();
});

test("what fits has no problems; what is not known to us is taken", () => {
  expect(problemsOf(SENT, FITS)).toEqual([]);
  expect(problemsOf(SENT, { ...FITS, model: "a/b", budgets: [{ tokens: 1 }] })).toEqual([]);
  expect(problemsOf({ type: "novelty", strange: 1 }, { any: "thing" })).toEqual([]);
});

test.each([
  [{}, ["messageId is missing.", "usesMcp is missing.", "first is missing."]],
  [[], ["The data has to be an object."]],
  [{ ...FITS, messageId: 7 }, ["messageId has to be a text."]],
  [{ ...FITS, messageId: "" }, ["messageId has to have at least 2 characters."]],
  [{ ...FITS, model: 7 }, ["model has to be a text."]],
  [{ ...FITS, toolSet: "all" }, ['toolSet has to be one of "paths", "ids".']],
  [{ ...FITS, budgets: [{ tokens: 1 }, { tokens: 0 }] }, ["budgets[1].tokens has to be at least 1."]],
  [{ ...FITS, first: { tokens: 1.5 } }, ["first.tokens has to be a whole number."]],
  [{ ...FITS, first: { tokens: 1, next: {} } }, ["first.next.tokens is missing."]],
  [{ ...FITS, constructor: 1 }, ["constructor is not known."]],
])("%j does not fit", (value, problems) => {
  expect(problemsOf(SENT, value)).toEqual(problems);
});

test("data is an object in JSON, or it is said what it is instead", () => {
  expect(objectOf('{"a": 1}')).toEqual({ a: 1 });
  expect(() => objectOf("{a: 1}")).toThrow(/^This is no JSON: /);
  for (const text of ["[]", "7", "null"]) expect(() => objectOf(text)).toThrow("in braces");
});

test("names are those that jobs listen to or are cancelled by, without patterns", () => {
  const job = (events: Job["events"], cancelOn: Job["cancelOn"] = []) => ({ events, cancelOn }) as Job;
  const jobs = [job([{ event: "b", dataSchema: SENT }, { event: "orders/*" }], [{ event: "a" }]), job([{ event: "b" }])];
  expect(namesOf(jobs)).toEqual(["a", "b"]);
  expect(schemaOf(jobs, "b")).toBe(SENT);
  expect(schemaOf(jobs, "a")).toBe(undefined);
});
