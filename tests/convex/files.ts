// A project with files, for the tests of files.
import { ANN, api, type Backend, backend, chat, KEY } from "./backend.ts";

export async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

export async function project() {
  const b = backend();
  const { projectId } = await chat(b);
  return { b, projectId, owned: { internalKey: KEY, ownerId: ANN, projectId: projectId as string } };
}
export type Owned = Awaited<ReturnType<typeof project>>["owned"];

export async function write({ t }: Backend, owned: Owned, path: string, text: string, expected?: string) {
  const size = new TextEncoder().encode(text).length;
  const file = { path, size, sha256: await sha256(text), text };
  const expectedSha256 = expected === undefined ? undefined : expected && (await sha256(expected));
  return await t.mutation(api.system.files.write, { ...owned, file, expectedSha256 });
}

export async function paths({ t }: Backend, owned: Owned) {
  const page = await t.query(api.system.files.list, { ...owned, limit: 1_000 });
  return page.items.map((item) => item.path);
}

export async function read({ t }: Backend, owned: Owned, path: string) {
  return (await t.query(api.system.files.read, { ...owned, path })).text;
}
