// The embedded Convex as its own process, for tests: started, killed and started again on one file and one port.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { jwks } from "./tokens.ts";

const MAIN = path.resolve(import.meta.dirname, "../../../embedded_convex/main.ts");

/** The folder of functions that the contract tests run. */
export const BEHAVIOURS = path.join(import.meta.dirname, "behaviours/convex");

export const ADMIN_KEY = "the-admin-key-of-the-contract-tests";

export class EmbeddedServer {
  readonly data: string;
  private readonly dir: string;
  private child: ChildProcess | null = null;
  private port = 0;
  private sitePort = 0;
  private log = "";

  private constructor(dir: string, data: string) {
    this.dir = dir;
    this.data = data;
  }

  /** Serves a folder on a new, empty file. */
  static async start(dir = BEHAVIOURS): Promise<EmbeddedServer> {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "embedded-convex-"));
    const server = new EmbeddedServer(dir, path.join(folder, "data.sqlite"));
    await server.run();
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get siteUrl(): string {
    return `http://127.0.0.1:${this.sitePort}`;
  }

  /** Start on the same file and, after the first time, on the same ports. */
  async run(): Promise<void> {
    const flags = [
      "--dir",
      this.dir,
      "--data",
      this.data,
      "--port",
      String(this.port),
      "--site-port",
      String(this.sitePort),
      "--exit-with-stdin",
    ];
    const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", MAIN, ...flags], {
      stdio: ["pipe", "pipe", "pipe"],
      env: { CONVEX_ADMIN_KEY: ADMIN_KEY, CONTRACTS_JWKS: jwks, CONTRACTS_VARIABLE: "set for the tests" },
    });
    this.child = child;
    child.stderr.on("data", (text: Buffer) => {
      this.log += text.toString();
    });
    const line = once(createInterface(child.stdout), "line").then(([first]) => first as string);
    const end = once(child, "exit").then(() => Promise.reject(new Error(`the server has ended:\n${this.log}`)));
    end.catch(() => undefined); // it ends in every test, sooner or later
    const { url, site } = JSON.parse(await Promise.race([line, end])) as { url: string; site: string };
    [this.port, this.sitePort] = [Number(new URL(url).port), Number(new URL(site).port)];
  }

  /** As a power cut: nothing gets a chance to finish. */
  async kill(): Promise<void> {
    await this.end("SIGKILL");
  }

  /** Ends it and removes its file. */
  async stop(): Promise<void> {
    await this.end("SIGTERM");
    fs.rmSync(path.dirname(this.data), { recursive: true });
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    const { child } = this;
    if (child === null) return;
    this.child = null;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, "exit");
    child.kill(signal);
    await exit;
  }
}
