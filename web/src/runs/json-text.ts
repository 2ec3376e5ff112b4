// What somebody has typed as the data of an event. Pure.

/** The object that a text is. Throws, in words for people, where it is none. */
export function objectOf(text: string): Readonly<Record<string, unknown>> {
  const value = parsed(text);
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new Error("The data of an event is a JSON object, in braces.");
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`This is no JSON: ${error instanceof Error ? error.message : ""}`, { cause: error });
  }
}
