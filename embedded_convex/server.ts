// The process as a whole: the file, the functions, the HTTP server; how it starts and stops.
import fs, { type FSWatcher } from "node:fs";
import { createServer, type Server as NodeServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Authenticator } from "./access/auth.ts";
import { realClearTimeout, realSetTimeout, wallMs } from "./clock.ts";
import { Crons } from "./schedule/crons.ts";
import { Database, unusable } from "./data/database.ts";
import { DataFileInUse, messageOf, StartRefused } from "./errors.ts";
import { FileStore } from "./data/files.ts";
import { loadDeployment } from "./code/functions.ts";
import { HttpApi } from "./http/api.ts";
import type { CodePlaces } from "./code/kept_code.ts";
import { LiveQueries } from "./sync/live.ts";
import { Origins } from "./access/origins.ts";
import { Pump } from "./sync/pump.ts";
import { isStoreFault } from "./execution/outcome.ts";
import { Runner } from "./execution/runner.ts";
import { Scheduler } from "./schedule/scheduler.ts";
import { SyncServer } from "./sync/sockets.ts";
import { installSyscalls } from "./syscalls/install.ts";
import { Watchdog } from "./execution/watchdog.ts";

export type Options = {
  dir: string;
  data: string;
  host: string;
  port: number;
  /** Of the HTTP actions; null takes the one after `port`, or any where that is not free. */
  sitePort: number | null;
  isWatching: boolean;
  adminKey: string;
  /** Pages that may use the API of a deployment beside those of its own machine. */
  allowedOrigins: readonly string[];
  stuckAfterS: number;
  /** Where bundled code is kept between starts; null: nowhere. */
  cache: string | null;
};

const STOP_GRACE_MS = 5000; // what runs may end; then it is cut
const LEAVE_MS = STOP_GRACE_MS + 1000; // until a process that is stopping has closed the file
const KEEP_ALIVE_MS = 120_000; // longer than clients keep idle connections: they close first, so no request meets a closing one
const SWEEP_MS = 10 * 60_000;
const KEEP_REQUESTS_MS = 24 * 3600_000; // a client that was away for longer does not resend
const MAX_PORT = 65_535;
const RELOAD_QUIET_MS = 100; // an editor saves several files at once

type Parts = {
  http: NodeServer;
  site: NodeServer;
  db: Database;
  runner: Runner;
  scheduler: Scheduler;
  crons: Crons;
  live: LiveQueries;
  sync: SyncServer;
  origins: Origins;
  watchdog: Watchdog;
  options: Options;
};

export class Server {
  readonly url: string;
  readonly siteUrl: string;
  private readonly parts: Parts;
  private readonly api: HttpApi;
  private authenticator: Authenticator;
  private readonly sweeper: NodeJS.Timeout;
  private watcher: FSWatcher | null = null;

  private constructor(urls: Urls, files: FileStore, parts: Parts, authenticator: Authenticator) {
    this.url = urls.own;
    this.siteUrl = urls.site;
    this.parts = parts;
    this.authenticator = authenticator;
    const siteOrigin = urls.publicSite;
    const { runner, origins } = parts;
    this.api = new HttpApi({ runner, files, origins, authenticator: () => this.authenticator, siteOrigin });
    this.sweeper = setInterval(() => void this.sweep(), SWEEP_MS);
  }

  /** @throws StartRefused when the folder, the file or the port cannot be used. */
  static async start(options: Options): Promise<Server> {
    try {
      return await Server.open(options);
    } catch (error) {
      throw isStoreFault(error) ? unusable(options.data, error) : error;
    }
  }

  private static async open(options: Options): Promise<Server> {
    const db = openWhenLeft(options.data);
    const [http, site] = [createServer({ keepAliveTimeout: KEEP_ALIVE_MS }), createServer({ keepAliveTimeout: KEEP_ALIVE_MS })];
    // The port is open before the functions are loaded, because they may ask for our URL: early callers wait.
    let isReady: (server: Server) => void = () => undefined;
    const ready = new Promise<Server>((resolve) => {
      isReady = resolve;
    });
    http.on("request", (request, response) => void ready.then(({ api }) => api.serve(request, response)));
    http.on("upgrade", (request, socket, head) => void ready.then(({ parts }) => parts.sync.upgrade(request, socket, head)));
    site.on("request", (request, response) => void ready.then(({ api }) => api.serveSite(request, response)));
    const own = await listen(http, options.host, options.port);
    const urls = publicUrls(own, await listenBeside(site, options));
    const places = codePlaces(options);
    fs.rmSync(places.own, { recursive: true, force: true });
    const deployment = await loadDeployment(options.dir, places);
    db.adopt(deployment.schema);
    const watchdog = new Watchdog(options.stuckAfterS);
    const runner = new Runner(db, deployment, watchdog);
    const scheduler = new Scheduler(runner);
    const crons = new Crons(runner);
    const files = new FileStore(db, urls.public);
    installSyscalls({ runner, scheduler, files });
    const live = new LiveQueries(runner);
    const origins = new Origins({ host: options.host, publicUrl: urls.public, allowed: options.allowedOrigins });
    const sync = new SyncServer({ runner, live, pump: new Pump(runner), origins, authenticator: () => server.authenticator });
    const parts = { http, site, origins, db, runner, scheduler, crons, live, sync, watchdog, options };
    const server: Server = new Server(urls, files, parts, new Authenticator(options.adminKey, deployment.authConfig));
    await server.sweep();
    await scheduler.start();
    await crons.adopt();
    if (options.isWatching) server.watch();
    isReady(server);
    return server;
  }

  private async sweep(): Promise<void> {
    try {
      await this.parts.runner.forgetRequests(wallMs() - KEEP_REQUESTS_MS, wallMs() - SWEEP_MS);
      await this.parts.scheduler.sweep();
    } catch (error) {
      console.error(`sweeping failed: ${messageOf(error)}`);
    }
  }

  // -- new code -----------------------------------------------------------------------------------

  private watch(): void {
    const { dir } = this.parts.options;
    let timer: NodeJS.Timeout | undefined;
    this.watcher = fs.watch(dir, { recursive: true }, () => {
      realClearTimeout(timer);
      timer = realSetTimeout(() => void this.reload(), RELOAD_QUIET_MS);
    });
  }

  /** Serve what the folder holds now; when it does not load, what was served stays. */
  private async reload(): Promise<void> {
    const { options, runner, db, crons, live } = this.parts;
    try {
      const deployment = await loadDeployment(options.dir, codePlaces(options));
      const authenticator = new Authenticator(options.adminKey, deployment.authConfig);
      await runner.lock.run(() => {
        db.adopt(deployment.schema);
        runner.deployment = deployment;
        return Promise.resolve();
      });
      this.authenticator = authenticator;
      await crons.adopt();
      live.invalidateAll();
      console.error("the functions were loaded again");
    } catch (error) {
      console.error(`the folder's new state is not served: ${messageOf(error)}`);
    }
  }

  // -- the end ------------------------------------------------------------------------------------

  /** Refuse what is new, let what runs end, close the file. */
  async stop(): Promise<void> {
    const { http, site, db, scheduler, crons, sync, runner, watchdog, options } = this.parts;
    clearInterval(this.sweeper);
    this.watcher?.close();
    crons.stop();
    sync.close();
    const closed = Promise.all([http, site].map((server) => new Promise<void>((resolve) => server.close(() => resolve()))));
    for (const server of [http, site]) server.closeIdleConnections();
    await scheduler.stop(STOP_GRACE_MS);
    await Promise.race([closed, after(STOP_GRACE_MS)]);
    for (const server of [http, site]) server.closeAllConnections();
    await runner.lock.run(() => {
      db.close();
      return Promise.resolve();
    });
    await watchdog.stop();
    fs.rmSync(codePlaces(options).own, { recursive: true, force: true });
  }
}

/** Bundled functions live where they are kept, else beside the data, never in the user's folder. */
function codePlaces({ data, cache }: Options): CodePlaces {
  return { own: `${data}-code`, kept: cache };
}

/** Who died a moment ago may have left a process like this one, which lets what runs end before it gives up the file.
 *  @throws StartRefused when nobody is ending, or the file is not ours. */
function openWhenLeft(file: string): Database {
  for (const giveUpAt = performance.now() + LEAVE_MS; ;) {
    try {
      return new Database(file); // waits for half a second
    } catch (error) {
      if (!(error instanceof DataFileInUse) || performance.now() > giveUpAt) throw error;
      console.error(`${error.message}, which may be ending: waiting for it`);
    }
  }
}

function after(ms: number): Promise<void> {
  return new Promise((resolve) => {
    realSetTimeout(resolve, ms).unref();
  });
}

/** The site stands one port after the other, as Convex's own 3210 and 3211. */
async function listenBeside(site: NodeServer, { host, port, sitePort }: Options): Promise<string> {
  if (sitePort !== null) return await listen(site, host, sitePort);
  if (port === 0 || port === MAX_PORT) return await listen(site, host, 0);
  try {
    return await listen(site, host, port + 1);
  } catch (error) {
    console.error(`${messageOf(error)}: the site takes another; --site-port names one`);
    return await listen(site, host, 0);
  }
}

type Urls = { own: string; site: string; public: string; publicSite: string };

/** Where we are reached, and where functions say that we are: behind a proxy that is what clients see. A proxy that is
 *  configured for one address only serves HTTP actions there. */
function publicUrls(own: string, site: string): Urls {
  const { CONVEX_CLOUD_URL: given, CONVEX_SITE_URL: givenSite } = process.env;
  for (const [name, value] of Object.entries({ CONVEX_CLOUD_URL: given, CONVEX_SITE_URL: givenSite })) {
    if (value !== undefined && !URL.canParse(value)) throw new StartRefused(`${name} is no URL: ${JSON.stringify(value)}`);
  }
  const urls = { own, site, public: given ?? own, publicSite: givenSite ?? given ?? site };
  process.env["CONVEX_CLOUD_URL"] = urls.public;
  process.env["CONVEX_SITE_URL"] = urls.publicSite;
  return urls;
}

/** The address for this machine: where it listens on all of its addresses, that is loopback. */
async function listen(server: NodeServer, host: string, port: number): Promise<string> {
  server.listen(port, host);
  await new Promise<void>((resolve, reject) => {
    server.once("listening", resolve);
    server.once("error", (error) => reject(new StartRefused(`port ${port} cannot be used: ${error.message}`)));
  });
  const bound = server.address() as AddressInfo;
  const shown = bound.address === "0.0.0.0" || bound.address === "::" ? "127.0.0.1" : bound.address;
  return `http://${shown.includes(":") ? `[${shown}]` : shown}:${bound.port}`;
}
