// Which names are this machine's.
import { expect, test } from "vitest";
import { isLocalHost } from "../../../embedded_convex/access/origins.ts";

const OWN = [
  "localhost",
  "LOCALHOST:80",
  "localhost.",
  "a.localhost:1",
  "127.0.0.1",
  "127.9.9.9:80",
  "[::1]",
  "[::1]:80",
  "::1",
  "::ffff:127.0.0.1",
];
const OTHERS = [
  "",
  "evil.example",
  "localhost.evil.example",
  "127.0.0.1.evil.example",
  "0.0.0.0",
  "192.168.1.1",
  "[::2]:1",
  "::2",
  "127.evil",
  "notlocalhost",
];

test.each(OWN)("%s is", (host) => expect(isLocalHost(host)).toBe(true));
test.each(OTHERS)("%s is not", (host) => expect(isLocalHost(host)).toBe(false));
