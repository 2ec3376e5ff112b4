// Inside the sandbox: a port of its own loopback that leads to the proxy's socket, and the program beside it.
const { spawn } = require("node:child_process");
const { createConnection, createServer } = require("node:net");
const { constants } = require("node:os");

const [socket, port, program, ...rest] = process.argv.slice(2);

const server = createServer({ allowHalfOpen: true }, (inner) => {
  const outer = createConnection({ path: socket, allowHalfOpen: true });
  inner.on("error", () => outer.destroy());
  outer.on("error", () => inner.destroy());
  inner.pipe(outer);
  outer.pipe(inner);
});

server.listen(Number(port), "127.0.0.1", () => {
  const child = spawn(program, rest, { stdio: "inherit" });
  child.on("error", (error) => {
    console.error(`${program}: ${error.message}`);
    process.exit(127);
  });
  child.on("exit", (code, signal) => process.exit(signal ? 128 + constants.signals[signal] : code));
});
