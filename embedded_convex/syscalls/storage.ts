// Files: `ctx.storage`, in transactions and in actions.
import { printedPath } from "../code/functions.ts";
import type { Transaction } from "../data/transaction.ts";
import type { Execution } from "../execution/execution.ts";
import { type Handler, type Parts, tx, writable } from "./handlers.ts";

export function storageHandlers({ runner, files }: Parts): Record<string, Handler> {
  /** In a transaction of the function's own, or in one of the server's for an action. */
  const within = async <T>(execution: Execution, work: (tx: Transaction) => T): Promise<T> =>
    execution.tx === null ? runner.system(work) : work(execution.tx);
  return {
    "1.0/storageGenerateUploadUrl": () => JSON.stringify(files.uploadUrl()),
    "1.0/storageGetUrl": async (execution, args) =>
      JSON.stringify(await within(execution, (own) => files.url(own, args["storageId"] as string))),
    "1.0/storageGetMetadata": async (execution, args) =>
      JSON.stringify(await within(execution, (own) => files.metadata(own, args["storageId"] as string))),
    "1.0/storageDelete": async (execution, args) => {
      await within(execution, (own) => files.remove(own, args["storageId"] as string));
      return "null";
    },
    "1.0/storageStore": (execution, args) => {
      const bytes = Buffer.from(args["blob"] as string, "base64");
      const sha256 = args["sha256"] as string | undefined;
      return JSON.stringify(files.store(writable(execution), bytes, args["contentType"] as string | null, sha256));
    },
    "1.0/storageGet": async (execution, args) => {
      const found = files.metadata(tx(execution), args["storageId"] as string);
      if (found === null) return "null";
      const bytes = Buffer.concat([...files.read(args["storageId"] as string, 0, found["size"] as number)]);
      return JSON.stringify({ blob: bytes.toString("base64"), contentType: found["contentType"] ?? null });
    },
  };
}

/** Calls that hand over JavaScript values: blobs, in actions. */
export async function jsSyscall(
  { runner, files }: Parts,
  execution: Execution,
  op: string,
  args: Record<string, unknown>,
): Promise<unknown> {
  if (execution.tx !== null) throw new Error(`${op} is for actions`);
  if (op === "storage/storeBlob") {
    const { blob, options } = args as { blob: Blob; options?: { sha256?: string } };
    const bytes = new Uint8Array(await blob.arrayBuffer());
    return runner.system((own) => files.store(own, bytes, blob.type === "" ? null : blob.type, options?.sha256));
  }
  if (op === "storage/getBlob") {
    const storageId = args["storageId"] as string;
    const found = files.byId(storageId);
    if (found === null) return null;
    const parts = [...files.read(storageId, 0, found.size)] as Uint8Array<ArrayBuffer>[];
    return new Blob(parts, { type: found.contentType ?? "" });
  }
  throw new Error(`Unknown operation ${op}: ${printedPath(execution.path)}`);
}
