// Inside the sandbox: a port of the loopback that leads to the proxy's socket, and the program beside it.
// Others of the project share the loopback, but not the password that only the program is told.
const { spawn } = require("node:child_process");
const { randomBytes, timingSafeEqual } = require("node:crypto");
const { createConnection, createServer } = require("node:net");
const { constants } = require("node:os");

const MAX_HEAD_BYTES = 8 * 1024;
const [socket, names, program, ...rest] = process.argv.slice(2);
const password = randomBytes(16).toString("hex");
const expected = Buffer.from(`Basic ${Buffer.from(`polaris:${password}`).toString("base64")}`);
const REFUSED =
  'HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="polaris"\r\n' +
  "Content-Length: 0\r\nConnection: close\r\n\r\n";

/** @param {string} head */
const isKnown = (head) => {
  const given = Buffer.from(/^proxy-authorization:[ \t]*(.*?)[ \t]*$/im.exec(head)?.[1] ?? "");
  return given.length === expected.length && timingSafeEqual(given, expected);
};

/** @param {import("node:net").Socket} inner @param {Buffer} begun */
const pass = (inner, begun) => {
  const outer = createConnection({ path: socket, allowHalfOpen: true });
  inner.on("error", () => outer.destroy());
  outer.on("error", () => inner.destroy());
  outer.write(begun);
  inner.pipe(outer);
  outer.pipe(inner);
};

const server = createServer({ allowHalfOpen: true }, (inner) => {
  let begun = Buffer.alloc(0);
  const leave = () => inner.end();
  const read = (data) => {
    begun = Buffer.concat([begun, data]);
    const end = begun.indexOf("\r\n\r\n");
    if (end < 0 && begun.length <= MAX_HEAD_BYTES) return;
    inner.pause().off("data", read).off("end", leave);
    if (end >= 0 && isKnown(begun.subarray(0, end).toString("latin1"))) pass(inner, begun);
    else inner.end(REFUSED, () => inner.destroy());
  };
  inner.on("error", () => inner.destroy());
  inner.on("data", read).on("end", leave);
});

server.listen(0, "127.0.0.1", () => {
  const proxy = `http://polaris:${password}@127.0.0.1:${server.address().port}`;
  const told = Object.fromEntries(names.split(",").map((name) => [name, proxy]));
  const child = spawn(program, rest, { stdio: "inherit", env: { ...process.env, ...told } });
  child.on("error", (error) => {
    console.error(`${program}: ${error.message}`);
    process.exit(127);
  });
  child.on("exit", (code, signal) => process.exit(signal ? 128 + constants.signals[signal] : code));
});
