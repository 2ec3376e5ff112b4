// The functions of a folder: what each is, who may call it, what it takes and returns.
import { pathToFileURL } from "node:url";
import type { JSONValue } from "convex/values";
import { CallRefused, messageOf, StartRefused } from "../errors.ts";
import { type CodePlaces, modulesOf } from "./kept_code.ts";
import { NO_SCHEMA, readSchema, type Schema } from "../data/schema.ts";
import type { ValidatorJson } from "../values/validators.ts";

export type FunctionType = "query" | "mutation" | "action";

/** What `query({...})`, `mutation({...})` and `action({...})` of convex/server return. */
type Registered = {
  isQuery?: true;
  isMutation?: true;
  isAction?: true;
  isHttp?: true;
  isPublic?: true;
  invokeQuery?: (args: string) => Promise<string>;
  invokeMutation?: (args: string) => Promise<string>;
  invokeAction?: (requestId: string, args: string) => Promise<string>;
  exportArgs?: () => string;
  exportReturns?: () => string;
};

export type ConvexFunction = {
  /** `module:name` */
  path: string;
  type: FunctionType;
  isPublic: boolean;
  args: ValidatorJson;
  returns: ValidatorJson | null;
  /** Arguments and result are JSON text in Convex's encoding. */
  invoke: (args: string, requestId: string) => Promise<string>;
};

export type HttpHandler = { invokeHttpAction: (request: Request) => Promise<Response> };
export type HttpRouter = {
  isRouter: true;
  lookup: (path: string, method: string) => [HttpHandler, string, string] | null;
};

export type CronSpec = { name: string; args: JSONValue[]; schedule: Record<string, JSONValue> };

/** Everything that a folder declares. */
export type Deployment = {
  functions: Map<string, ConvexFunction>;
  schema: Schema;
  router: HttpRouter | null;
  crons: Map<string, CronSpec>;
  authConfig: unknown;
};

const ANY: ValidatorJson = { type: "any" };

/** Bundle and import a folder.
 *  @throws StartRefused when it does not bundle, does not load, or asks for what is not supported here. */
export async function loadDeployment(dir: string, places: CodePlaces): Promise<Deployment> {
  const modules = await modulesOf(dir, places);
  const deployment: Deployment = { functions: new Map(), schema: NO_SCHEMA, router: null, crons: new Map(), authConfig: undefined };
  for (const [name, file] of modules) {
    const exported = await load(name, file);
    switch (name) {
      case "schema":
        deployment.schema = readSchema(exported["default"]);
        break;
      case "auth.config":
        deployment.authConfig = exported["default"];
        break;
      case "crons":
        deployment.crons = readCrons(exported["default"]);
        break;
      case "http":
        deployment.router = readRouter(exported["default"]);
    }
    if (name !== "schema" && !name.endsWith(".config")) addFunctions(deployment.functions, name, exported);
  }
  for (const cron of deployment.crons.values()) checkCron(deployment.functions, cron);
  return deployment;
}

async function load(name: string, file: string): Promise<Record<string, unknown>> {
  try {
    return (await import(pathToFileURL(file).href)) as Record<string, unknown>;
  } catch (error) {
    throw new StartRefused(`the module ${name} fails to load: ${messageOf(error)}`);
  }
}

function addFunctions(functions: Map<string, ConvexFunction>, module: string, exported: Record<string, unknown>): void {
  for (const [name, value] of Object.entries(exported)) {
    if (typeof value !== "function" && (typeof value !== "object" || value === null)) continue;
    const registered = value as Registered;
    const found = typeOf(registered);
    if (found === null) continue;
    const path = `${module}:${name}`;
    functions.set(path, {
      path,
      type: found.type,
      isPublic: registered.isPublic === true,
      args: validatorOf(path, registered.exportArgs) ?? ANY,
      returns: validatorOf(path, registered.exportReturns),
      invoke: found.invoke,
    });
  }
}

function typeOf(registered: Registered): { type: FunctionType; invoke: ConvexFunction["invoke"] } | null {
  const { invokeQuery, invokeMutation, invokeAction } = registered;
  if (registered.isQuery && invokeQuery) return { type: "query", invoke: (args) => invokeQuery(args) };
  if (registered.isMutation && invokeMutation) return { type: "mutation", invoke: (args) => invokeMutation(args) };
  if (registered.isAction && invokeAction) {
    return { type: "action", invoke: (args, requestId) => invokeAction(requestId, args) };
  }
  return null;
}

function validatorOf(path: string, exporter: (() => string) | undefined): ValidatorJson | null {
  if (exporter === undefined) return null;
  try {
    return JSON.parse(exporter()) as ValidatorJson | null;
  } catch (error) {
    throw new StartRefused(`the validators of ${path} cannot be read: ${messageOf(error)}`);
  }
}

function readRouter(exported: unknown): HttpRouter {
  if (typeof exported === "object" && exported !== null && "isRouter" in exported) return exported as HttpRouter;
  throw new StartRefused("http.ts must export `httpRouter()` as its default export");
}

function readCrons(exported: unknown): Map<string, CronSpec> {
  if (typeof exported !== "object" || exported === null || !("isCrons" in exported)) {
    throw new StartRefused("crons.ts must export `cronJobs()` as its default export");
  }
  return new Map(Object.entries((exported as unknown as { crons: Record<string, CronSpec> }).crons));
}

function checkCron(functions: Map<string, ConvexFunction>, cron: CronSpec): void {
  const found = functions.get(canonicalPath(cron.name));
  if (found === undefined || found.type === "query") {
    throw new StartRefused(`crons.ts names ${cron.name}, which is not a mutation or action of this folder`);
  }
}

export const MAX_PATH_CHARS = 1000; // of a function: it comes back in errors

/** `messages.js:list`, `messages:list` and `messages` (its default export) as `module:name`. */
export function canonicalPath(path: string): string {
  const colon = path.indexOf(":");
  const module = colon < 0 ? path : path.slice(0, colon);
  const name = colon < 0 ? "default" : path.slice(colon + 1);
  return `${module.replace(/\.[jt]sx?$/, "").replace(/^\//, "")}:${name}`;
}

/** How Convex prints a function's path in its own tables and errors. */
export function printedPath(path: string): string {
  return path.replace(":", ".js:");
}

/** The function that a caller names.
 *  @throws CallRefused when there is none, it is of another type, or the caller may not know of it. */
export function findFunction(
  deployment: Deployment,
  given: string,
  want: { type: FunctionType | "any"; mayCallInternal: boolean },
): ConvexFunction {
  const path = canonicalPath(given);
  const found = deployment.functions.get(path);
  if (found === undefined || !(found.isPublic || want.mayCallInternal)) {
    throw new CallRefused(
      `Could not find ${want.mayCallInternal ? "" : "public "}function for '${path.replace(/:default$/, "")}'. Did you forget to run ` +
        "`npx convex dev` or `npx convex deploy`?",
    );
  }
  if (want.type !== "any" && found.type !== want.type) {
    const word = (type: string) => type.charAt(0).toUpperCase() + type.slice(1);
    throw new CallRefused(`Trying to execute ${printedPath(path)} as ${word(want.type)}, but it is defined as ${word(found.type)}.`);
  }
  return found;
}
