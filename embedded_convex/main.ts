// The embedded Convex: `node main.ts --dir convex --data file.sqlite [--port N]`. Runs a folder of functions on one file.
import fs from "node:fs";
import { flushCompileCache } from "node:module";
import path from "node:path";
import { parseArgs } from "node:util";
import { installGlobals } from "./execution/globals.ts";
import { messageOf, StartRefused } from "./errors.ts";
import { Server } from "./server.ts";
import { installProcessGuards, installStrayHandlers } from "./execution/strays.ts";

const USAGE =
  "usage: node main.ts --dir DIR --data FILE [--port N] [--site-port N] [--host ADDRESS] [--allow-origin ORIGIN]... " +
  "[--watch] [--exit-with-stdin] [--stuck-after SECONDS] [--cache DIR]";
const LOOPBACK = new Set(["127.0.0.1", "::1", "localhost"]);

function portOf(option: string, text: string): number {
  const port = text === "" ? Number.NaN : Number(text);
  if (Number.isInteger(port) && port >= 0 && port <= 65535) return port;
  throw new StartRefused(`${option} must be 0 to 65535; ${USAGE}`);
}

function options() {
  const { values } = parseArgs({
    options: {
      dir: { type: "string" },
      data: { type: "string" },
      port: { type: "string", default: "0" },
      "site-port": { type: "string" },
      host: { type: "string", default: "127.0.0.1" },
      watch: { type: "boolean", default: false },
      "allow-origin": { type: "string", multiple: true, default: [] },
      "exit-with-stdin": { type: "boolean", default: false },
      "stuck-after": { type: "string", default: "30" }, // Convex gives a function 1 s of JavaScript
      cache: { type: "string" },
    },
  });
  if (values.dir === undefined || values.data === undefined) throw new StartRefused(USAGE);
  const port = portOf("--port", values.port);
  const sitePort = values["site-port"] === undefined ? null : portOf("--site-port", values["site-port"]);
  const stuckAfterS = Number(values["stuck-after"]);
  if (!(stuckAfterS >= 1)) throw new StartRefused(`--stuck-after must be at least 1; ${USAGE}`);
  const adminKey = process.env["CONVEX_ADMIN_KEY"] ?? "";
  if (!LOOPBACK.has(values.host) && adminKey === "") {
    throw new StartRefused(`--host ${values.host} lets other machines in: that takes an admin key in CONVEX_ADMIN_KEY`);
  }
  return {
    dir: path.resolve(values.dir),
    data: path.resolve(values.data),
    host: values.host,
    port,
    sitePort,
    isWatching: values.watch,
    endsWithStdin: values["exit-with-stdin"],
    adminKey,
    allowedOrigins: values["allow-origin"],
    stuckAfterS,
    cache: values.cache === undefined ? null : path.resolve(values.cache),
  };
}

function makeFolderOf(data: string): void {
  try {
    fs.mkdirSync(path.dirname(data), { recursive: true });
  } catch (error) {
    throw new StartRefused(`the data file ${data} cannot be made: ${messageOf(error)}`);
  }
}

async function main(): Promise<void> {
  const given = options();
  delete process.env["NODE_COMPILE_CACHE"]; // Node has read it
  delete process.env["CONVEX_ADMIN_KEY"]; // functions see the environment, not the key
  makeFolderOf(given.data);
  installGlobals();
  installProcessGuards();
  const server = await Server.start(given);
  setImmediate(flushCompileCache); // by itself Node writes it at the end, which a kill takes away
  let isStopping = false;
  const stop = (): void => {
    if (isStopping) return;
    isStopping = true;
    void server.stop().then(
      () => process.exit(0),
      (error: unknown) => {
        console.error(`stopping failed: ${messageOf(error)}`);
        process.exit(1);
      },
    );
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
  if (given.endsWithStdin) process.stdin.on("end", stop).on("error", stop).resume();
  process.stdout.write(`${JSON.stringify({ url: server.url, site: server.siteUrl })}\n`);
}

installStrayHandlers();
main().catch((error: unknown) => {
  console.error(error instanceof StartRefused ? error.message : error);
  process.exit(1);
});
