import * as v from "valibot";
import { fail, ok, type Result } from "../../errors.ts";
import { type JsonLimits, parseJson } from "../../json-reader.ts";

export const MAX_BODY = 1_048_576;
const AS_JSON = "send one JSON value; GET /api/v1/openapi.json shows its form";
const NOT_JSON = "the body is not well-formed JSON in UTF-8";
const BODY_LIMITS: JsonLimits = { chars: MAX_BODY, depth: 64, nodes: 100_000 };

/** The JSON of a body of at most 1 MB; undefined for an empty one. The body is read only as far as the cap. */
export async function readJson(request: Request): Promise<Result<unknown>> {
  if (Number(request.headers.get("content-length") ?? 0) > MAX_BODY) return tooLarge();
  const bytes = await readCapped(request);
  if (bytes === null) return tooLarge();
  if (bytes.length === 0) return ok(undefined);
  const type = request.headers.get("content-type") ?? "";
  if (!/^application\/(?:[\w.+-]{1,64}\+)?json *(?:;|$)/i.test(type)) {
    return fail("unsupported_media_type", "the body must be JSON", { hint: "send content-type: application/json" });
  }
  const text = decoded(bytes);
  const parsed = text === null ? null : parseJson(text, BODY_LIMITS);
  if (parsed?.ok === true) return parsed;
  const isLarge = parsed?.error.code === "too_large";
  return fail("invalid_argument", isLarge ? `the body ${parsed.error.message}` : NOT_JSON, { hint: isLarge ? "send less" : AS_JSON });
}

function decoded(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return null; // No UTF-8: the caller says so.
  }
}

/** Reads a body of raw bytes, at most `most`. */
export async function readBytes(request: Request, most: number): Promise<Result<Uint8Array>> {
  if (!isFile(request)) return notFile();
  const bytes = Number(request.headers.get("content-length") ?? 0) > most ? null : await readCapped(request, most);
  return bytes === null ? tooLarge(most) : ok(bytes);
}

/** A body of raw bytes, at most `most`, piece by piece. Reading it throws GatewayError `too_large` where there are more. */
export function streamBytes(request: Request, most: number): Result<AsyncIterable<Uint8Array>> {
  if (!isFile(request)) return notFile();
  if (Number(request.headers.get("content-length") ?? 0) > most) return tooLarge(most);
  return ok(upTo(request.body, most));
}

async function* upTo(body: ReadableStream<Uint8Array> | null, most: number): AsyncGenerator<Uint8Array> {
  let size = 0;
  for await (const chunk of body ?? []) {
    size += chunk.length;
    const refused = size > most ? tooLarge(most) : null;
    if (refused !== null) throw refused.error;
    yield chunk;
  }
}

function isFile(request: Request): boolean {
  return /^application\/octet-stream *(?:;|$)/i.test(request.headers.get("content-type") ?? "");
}

function notFile() {
  return fail("unsupported_media_type", "the body must be a file", { hint: "send content-type: application/octet-stream" });
}

async function readCapped(request: Request, most = MAX_BODY): Promise<Uint8Array | null> {
  if (request.body === null) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let size = 0;
  // Returning from the loop cancels the stream.
  for await (const chunk of request.body) {
    size += chunk.length;
    if (size > most) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function tooLarge(most = MAX_BODY) {
  return fail("too_large", `the body is larger than ${Math.round(most / 2 ** 20)} MB`, { hint: "send less" });
}

export type Schema<T = unknown> = v.GenericSchema<unknown, T>;

/** Checks input against a schema. The error names every field and what is expected, never what was sent. */
export function check<T>(schema: Schema<T>, input: unknown, code: "invalid_argument" | "unprocessable" | "not_found"): Result<T> {
  const list = listForObject(schema, input);
  if (list !== null) return fail(code, `${list}: must be an object`, { data: { errors: [{ path: list, message: "must be an object" }] } });
  const result = v.safeParse(schema, input);
  if (result.success) return ok(result.output);
  const errors = result.issues.slice(0, 20).map((issue) => describe(issue));
  const [first] = errors;
  const known = first?.message === UNKNOWN && first.path === "input" ? hintOfKeys(schema) : {};
  return fail(code, first === undefined ? "the input is not valid" : `${first.path}: ${first.message}`, { data: { errors }, ...known });
}

/** For a route without parameters. */
export const NOTHING: Schema<object> = v.strictObject({});

const UNKNOWN = "unknown key";

function hintOfKeys(schema: Schema): { readonly hint: string } {
  const keys = Object.keys(entriesOf(schema));
  return { hint: keys.length === 0 ? "none is known here" : `known here: ${keys.join(", ")}` };
}

/** Where a list stands in place of an object, as which it would pass, without members; null: nowhere. */
function listForObject(schema: unknown, input: unknown, path = "input"): string | null {
  if (Array.isArray(input)) return takes(schema, OBJECTS) && !takes(schema, LISTS) ? path : null;
  if (typeof input !== "object" || input === null) return null;
  for (const [key, each] of Object.entries(entriesOf(schema))) {
    const found = listForObject(each, Reflect.get(input, key), path === "input" ? key : `${path}.${key}`);
    if (found !== null) return found;
  }
  return null;
}

const OBJECTS = /^(?:(?:strict_|loose_)?object|record)$/;
const LISTS = /^(?:array|tuple|unknown|any)$/;

/** Whether a schema, or one of those in it, is of such a type. */
function takes(schema: unknown, types: RegExp): boolean {
  if (typeof schema !== "object" || schema === null || !("type" in schema)) return false;
  if ("wrapped" in schema) return takes(schema.wrapped, types);
  if ("options" in schema && Array.isArray(schema.options)) return schema.options.some((each) => takes(each, types));
  return types.test(String(schema.type));
}

function entriesOf(schema: unknown): object {
  if (typeof schema !== "object" || schema === null) return {};
  if ("wrapped" in schema) return entriesOf(schema.wrapped);
  return "entries" in schema && typeof schema.entries === "object" && schema.entries !== null ? schema.entries : {};
}

function describe(issue: v.BaseIssue<unknown>): { path: string; message: string } {
  const path = issue.path ?? [];
  const last = path.at(-1);
  if (issue.expected === "never" && last?.origin === "key") return { path: dotted(path.slice(0, -1)), message: UNKNOWN };
  return { path: dotted(path), message: issue.expected === null || issue.type === "regex" ? plain(issue) : wanted(issue) };
}

const WORDS: Readonly<Record<string, string>> = {
  string: "text",
  number: "a number",
  boolean: "true or false",
  Object: "an object",
  Array: "a list",
};

/** What a value of another type should have been; never what it was. */
function wanted({ message, expected, received, kind, type }: v.BaseIssue<unknown>): string {
  if (received === "undefined" && kind === "schema") return "is missing";
  if (!message.startsWith("Invalid ")) return `must be ${message}`;
  const [, sign, bound] = /^([<>])=(.*)$/.exec(expected ?? "") ?? [];
  if (bound !== undefined && type.endsWith("_length")) return `must be no ${sign === "<" ? "longer" : "shorter"} than ${bound}`;
  if (bound !== undefined) return `must be at ${sign === "<" ? "most" : "least"} ${bound}`;
  const options = (expected ?? "").replace(/^\((.*)\)$/, "$1").split(" | ");
  const words = options.map((option) => WORDS[option] ?? option.replace(/^"(.*)"$/, "$1"));
  return words.length > 3 && words.every((word) => !word.includes(" "))
    ? `must be one of ${words.join(", ")}`
    : `must be ${words.join(" or ")}`;
}

/** Contains only keys of the schema and array positions; an unknown key was cut off above. */
function dotted(path: readonly { readonly key: unknown }[]): string {
  return path.length === 0 ? "input" : path.map((item) => String(item.key)).join(".");
}

/** The schema's own message if there is one; Valibot's default message would repeat the input. */
function plain(issue: v.BaseIssue<unknown>): string {
  const requirement = issue.requirement;
  const wants = typeof requirement === "number" || typeof requirement === "string" ? ` ${requirement}` : "";
  if (issue.type === "regex") return issue.message.startsWith("Invalid ") ? "has a wrong form" : `must be ${issue.message}`;
  return issue.type === "check" ? issue.message : `must match ${issue.type}${wants}`;
}

/** The schema of a value that is not checked. */
export const ANYTHING: Schema = v.unknown();
