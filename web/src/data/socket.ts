// Websockets of the API. A page can send no headers with one, so the token stands among the protocols.
import type { Api } from "./api.ts";

/** Opens one; `protocol` says what is spoken over it. */
export function socketOf({ token }: Api, path: string, protocol: string): WebSocket {
  const address = new URL(`/api${path}`, location.href);
  address.protocol = address.protocol.replace("http", "ws");
  return new WebSocket(address, [protocol, `bearer.${token}`]);
}
