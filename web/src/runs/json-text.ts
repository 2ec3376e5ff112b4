// What somebody has typed as the data of an event. Pure.
import { isObject, parsedJson } from "../ui/json.ts";

/** The object that a text is. Throws, in words for people, where it is none. */
export function objectOf(text: string): Readonly<Record<string, unknown>> {
  const value = parsedJson(text);
  if (isObject(value)) return value;
  throw new Error("The data of an event is a JSON object, in braces.");
}
