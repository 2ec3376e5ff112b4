// The process as a whole: the file, the functions, the HTTP server; how it starts and stops.
import { createServer, type Server as NodeServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Authenticator } from "./auth.ts";
import { realSetTimeout } from "./clock.ts";
import { Database } from "./database.ts";
import { FileStore } from "./files.ts";
import { loadDeployment } from "./functions.ts";
import { HttpApi } from "./http.ts";
import { LiveQueries, Pump } from "./live.ts";
import { Runner } from "./runner.ts";
import { Scheduler } from "./scheduler.ts";
import { SyncServer } from "./sync.ts";
import { installSyscalls } from "./syscalls.ts";

export type Options = { dir: string; data: string; port: number; isWatching: boolean; adminKey: string };

const STOP_GRACE_MS = 5000; // what runs may end; then it is cut

export class Server {
  readonly url: string;
  private readonly http: NodeServer;
  private readonly db: Database;
  private readonly scheduler: Scheduler;

  private readonly sync: SyncServer;

  private constructor(parts: { http: NodeServer; db: Database; scheduler: Scheduler; sync: SyncServer; url: string }) {
    this.http = parts.http;
    this.db = parts.db;
    this.scheduler = parts.scheduler;
    this.sync = parts.sync;
    this.url = parts.url;
  }

  static async start(options: Options): Promise<Server> {
    const db = new Database(options.data);
    const http = createServer();
    const port = await listen(http, options.port);
    const url = `http://127.0.0.1:${port}`;
    process.env["CONVEX_CLOUD_URL"] ??= url;
    process.env["CONVEX_SITE_URL"] ??= url;
    const deployment = await loadDeployment(options.dir, `${options.data}-code`);
    db.adopt(deployment.schema);
    const runner = new Runner(db, deployment);
    const scheduler = new Scheduler(runner);
    const files = new FileStore(db);
    files.origin = url;
    installSyscalls({ runner, scheduler, files });
    const authenticator = new Authenticator(options.adminKey, deployment.authConfig);
    const api = new HttpApi({ runner, files, authenticator: () => authenticator });
    http.on("request", (request, response) => void api.serve(request, response));
    const pump = new Pump(runner);
    const live = new LiveQueries(runner);
    const sync = new SyncServer({ runner, live, pump, authenticator: () => authenticator });
    http.on("upgrade", (request, socket, head) => sync.upgrade(request, socket, head));
    await scheduler.start();
    return new Server({ http, db, scheduler, sync, url });
  }

  async stop(): Promise<void> {
    this.http.close();
    this.http.closeIdleConnections();
    this.sync.close();
    await this.scheduler.stop(STOP_GRACE_MS);
    await new Promise<void>((resolve) => {
      realSetTimeout(resolve, 200);
    });
    this.http.closeAllConnections();
    this.db.close();
  }
}

async function listen(server: NodeServer, port: number): Promise<number> {
  server.listen(port, "127.0.0.1");
  await new Promise<void>((resolve, reject) => {
    server.once("listening", resolve);
    server.once("error", reject);
  });
  return (server.address() as AddressInfo).port;
}
