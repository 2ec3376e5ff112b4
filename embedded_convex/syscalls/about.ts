// What a function may ask about itself and its caller.
import { addressOf, type Handler } from "./handlers.ts";

export function aboutHandlers(): Record<string, Handler> {
  return {
    "1.0/getUserIdentity": ({ identity }) => JSON.stringify(identity.kind === "none" ? null : identity.attributes),
    "1.0/createFunctionHandle": (_, args) => JSON.stringify(`function://;${addressOf(args)}`),
    "1.0/getFunctionMetadata": ({ path }) => JSON.stringify({ name: path, componentPath: "" }),
    "1.0/getDeploymentMetadata": () => JSON.stringify({ name: "embedded", region: null, class: "s16" }),
    "1.0/getRequestMetadata": ({ request, identity }) =>
      JSON.stringify({ ...request, authToken: identity.kind === "user" ? identity.token : null }),
    "1.0/auditLog": () => "null",
  };
}
