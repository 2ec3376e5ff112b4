// Who may reach an API of one machine: requests that name this machine, from pages of this machine or those listed.
//
// A page of `evil.example` can open a socket to 127.0.0.1 from the browser of whoever looks at it (its `Origin` gives it
// away), and a name of its own that now resolves to 127.0.0.1 is its own origin to the browser (`Host` does).
import type { IncomingHttpHeaders } from "node:http";
import { isIP } from "node:net";
import { HttpRefusal } from "../errors.ts";

const MAX_JUDGED = 100; // hosts whose judgement is kept: clients send the same one with each request

export class Origins {
  private readonly isLocalOnly: boolean;
  private readonly judged = new Map<string, boolean>();
  private readonly allowed: ReadonlySet<string>;

  /** A server that others reach, by the address that it listens on or by the one that it was given, is open to all
   *  pages, as Convex is; unless pages are listed. */
  constructor(given: { host: string; publicUrl: string; allowed: readonly string[] }) {
    this.isLocalOnly = isLocalHost(given.host) && isLocalHost(new URL(given.publicUrl).host);
    this.allowed = new Set(given.allowed.map((origin) => origin.replace(/\/$/, "")));
  }

  /** @throws HttpRefusal 421 for another host, 403 for a page of another origin. */
  check({ host, origin }: IncomingHttpHeaders): void {
    if (this.isLocalOnly && !this.isLocal(host ?? "")) {
      const how = "use localhost, or set CONVEX_CLOUD_URL to where others reach it";
      throw new HttpRefusal(421, "ForeignHost", `This deployment serves its own machine only; ${how}`);
    }
    if (origin === undefined || this.allowed.has("*") || this.allowed.has(origin)) return;
    const page = URL.parse(origin)?.host ?? "";
    if (this.isLocal(page) || (!this.isLocalOnly && this.allowed.size === 0)) return;
    throw new HttpRefusal(403, "ForeignOrigin", "Pages of this origin may not use this deployment; --allow-origin lists those that may");
  }

  private isLocal(host: string): boolean {
    let isLocal = this.judged.get(host);
    if (isLocal === undefined) {
      isLocal = isLocalHost(host);
      if (this.judged.size >= MAX_JUDGED) this.judged.clear();
      this.judged.set(host, isLocal);
    }
    return isLocal;
  }
}

/** Whether a `Host`, with or without a port, or an address names this machine: `localhost`, a name below it, loopback. */
export function isLocalHost(host: string): boolean {
  const text = host.trim().toLowerCase();
  const name = isIP(text)
    ? text
    : text
        .replace(/:\d*$/, "")
        .replace(/\.$/, "")
        .replace(/^\[(.*)\]$/, "$1");
  if (name === "localhost" || name.endsWith(".localhost")) return true;
  const v4 = name.replace(/^::ffff:/, "");
  return name === "::1" || (isIP(v4) === 4 && v4.startsWith("127."));
}
