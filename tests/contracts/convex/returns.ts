// What each function of a folder returns, as the JSON of its validator: `node returns.ts FOLDER PLACE` bundles into PLACE.
import path from "node:path";
import { loadDeployment } from "../../../embedded_convex/code/functions.ts";

const [folder = "", own = ""] = process.argv.slice(2);
const { functions } = await loadDeployment(path.resolve(folder), { own, kept: null });
process.stdout.write(JSON.stringify(Object.fromEntries([...functions].map(([name, { returns }]) => [name, returns]))));
