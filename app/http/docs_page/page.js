/* The API's page: what /openapi.json says, as lines to open, each with a form to try it. */
"use strict";

const METHODS = ["get", "post", "put", "patch", "delete"];
const DEEPEST = 6; // schemas may hold themselves

/** An element with properties and children; text never becomes markup. */
function element(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children.filter((child) => child !== null));
  return made;
}

/** Docstrings as people read them: their lines run on, `code` is code, an empty line ends a paragraph. */
function prose(text) {
  return text.split(/\n\s*\n/).map((paragraph) => {
    const parts = paragraph.trim().replace(/\s+/g, " ").split("`");
    return element("p", {}, ...parts.map((part, number) => (number % 2 === 1 ? element("code", {}, part) : part)));
  });
}

/** A schema as a type that people read. */
function shape(document_, schema, indent = "", depth = 0) {
  if (schema === undefined || depth > DEEPEST) return "…";
  if (schema.$ref !== undefined) {
    const named = schema.$ref.split("/").slice(1).reduce((at, part) => at?.[part], document_);
    return shape(document_, named, indent, depth + 1);
  }
  const either = schema.anyOf ?? schema.oneOf ?? schema.allOf;
  if (either !== undefined) return either.map((one) => shape(document_, one, indent, depth + 1)).join(" | ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum !== undefined) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (schema.type === "array") return `${shape(document_, schema.items, indent, depth + 1)}[]`;
  if (schema.properties !== undefined) {
    const inner = `${indent}  `;
    const lines = Object.entries(schema.properties).map(([name, part]) => {
      const mark = schema.required?.includes(name) ? "" : "?";
      const note = part.description === undefined ? "" : ` // ${part.description}`;
      return `${inner}${name}${mark}: ${shape(document_, part, inner, depth + 1)}${note}`;
    });
    return `{\n${lines.join("\n")}\n${indent}}`;
  }
  return schema.type ?? "any";
}

/** The first content type of a body or an answer, and its schema. */
function content(part) {
  const [type, { schema } = {}] = Object.entries(part?.content ?? {})[0] ?? [];
  return { type, schema };
}

/** What a body may look like, to begin with. */
function example(document_, schema) {
  const named = schema?.$ref === undefined ? schema : schema.$ref.split("/").slice(1).reduce((at, part) => at?.[part], document_);
  if (named?.properties === undefined) return "";
  const known = Object.entries(named.properties).filter(([name, part]) => named.required?.includes(name) || part.examples !== undefined);
  return JSON.stringify(Object.fromEntries(known.map(([name, part]) => [name, part.examples?.[0] ?? part.default ?? ""])), null, 2);
}

/** Where a route is reached with these parameters. */
function address(path, parameters, fields) {
  const query = new URLSearchParams();
  let filled = path;
  parameters.forEach(({ name, in: where }, number) => {
    const value = fields[number].value;
    // A file's path keeps its slashes.
    if (where === "path") filled = filled.replace(`{${name}}`, value.split("/").map(encodeURIComponent).join("/"));
    else if (where === "query" && value !== "") query.set(name, value);
  });
  return query.size > 0 ? `${filled}?${query}` : filled;
}

async function send(method, url, body, type) {
  const headers = {};
  const token = document.getElementById("token").value.trim();
  if (token !== "") headers["Authorization"] = `Bearer ${token}`;
  if (body !== "") headers["Content-Type"] = type;
  const answer = await fetch(url, { method: method.toUpperCase(), headers, ...(body === "" ? {} : { body }) });
  const text = await answer.text();
  let shown = text;
  if ((answer.headers.get("content-type") ?? "").includes("json")) {
    shown = JSON.stringify(JSON.parse(text), null, 2);
  }
  return `${answer.status} ${answer.statusText}\n${shown}`;
}

function trial(document_, method, path, operation) {
  const parameters = (operation.parameters ?? []).filter((parameter) => parameter.in !== "header");
  const fields = parameters.map(({ schema }) => element("input", { value: schema?.default ?? "", spellcheck: false }));
  const { type, schema } = content(operation.requestBody);
  const body = type === undefined ? null : element("textarea", { value: example(document_, schema), spellcheck: false });
  const result = element("pre", { hidden: true });
  const button = element("button", { type: "button", textContent: "Send" });
  button.addEventListener("click", () => {
    result.hidden = false;
    result.textContent = "…";
    send(method, address(path, parameters, fields), body?.value ?? "", type).then(
      (text) => { result.textContent = text; },
      (error) => { result.textContent = String(error); },
    );
  });
  const labels = parameters.map(({ name, in: where, required, description }, number) => {
    const said = `${name} (${where}${required ? ", required" : ""})${description === undefined ? "" : `: ${description}`}`;
    return element("label", {}, said, fields[number]);
  });
  return [...labels, body === null ? null : element("label", {}, `body (${type})`, body), button, result];
}

function route(document_, method, path, operation) {
  const { schema } = content(operation.requestBody);
  const answers = Object.entries(operation.responses).map(([status, answer]) => {
    const answered = content(answer).schema;
    return element("details", {},
      element("summary", {}, `${status} ${answer.description}`),
      answered === undefined ? null : element("pre", { textContent: shape(document_, answered) }));
  });
  return element("details", { className: "route" },
    element("summary", {}, element("code", {}, element("span", { className: "method" }, method.toUpperCase()), path), ` ${operation.summary ?? ""}`),
    element("div", { className: "note" }, ...prose(operation.description ?? "")),
    schema === undefined ? null : element("pre", { textContent: shape(document_, schema) }),
    ...trial(document_, method, path, operation),
    ...answers);
}

function show(document_) {
  document.getElementById("description").replaceChildren(...prose(document_.info.description ?? ""));
  const groups = new Map();
  for (const [path, methods] of Object.entries(document_.paths)) {
    for (const method of METHODS.filter((name) => name in methods)) {
      const tag = methods[method].tags?.[0] ?? "other";
      groups.set(tag, [...(groups.get(tag) ?? []), route(document_, method, path, methods[method])]);
    }
  }
  for (const [tag, routes] of groups) {
    document.getElementById("routes").append(element("h2", {}, tag), ...routes);
  }
}

fetch("/openapi.json")
  .then((answer) => answer.json())
  .then(show)
  .catch((error) => {
    Object.assign(document.getElementById("description"), { className: "problem", textContent: `/openapi.json cannot be read: ${error}` });
  });
