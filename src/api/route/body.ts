import * as v from "valibot";
import { fail, ok, type Result } from "../../errors.ts";
import { type JsonLimits, parseJson } from "../../json-reader.ts";

export const MAX_BODY = 1_048_576;
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
  return fail("invalid_argument", parsed?.error.code === "too_large" ? `the body ${parsed.error.message}` : NOT_JSON);
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
  return fail("too_large", `the body is larger than ${Math.round(most / 2 ** 20)} MB`);
}

export type Schema<T = unknown> = v.GenericSchema<unknown, T>;

/** Checks input against a schema. The error names every field and what is expected, never what was sent. */
export function check<T>(schema: Schema<T>, input: unknown, code: "invalid_argument" | "unprocessable" | "not_found"): Result<T> {
  // A list would pass as an object without members.
  if (Array.isArray(input) && isObject(schema)) {
    return fail(code, "input: must be an object", { data: { errors: [{ path: "input", message: "must be an object" }] } });
  }
  const result = v.safeParse(schema, input);
  if (result.success) return ok(result.output);
  const errors = result.issues.slice(0, 20).map((issue) => describe(issue));
  return fail(code, errors[0] === undefined ? "the input is not valid" : `${errors[0].path}: ${errors[0].message}`, { data: { errors } });
}

function isObject(schema: Schema): boolean {
  const inner: unknown = "wrapped" in schema ? schema.wrapped : schema;
  return typeof inner === "object" && inner !== null && "type" in inner && /^(?:strict_|loose_)?object$/.test(String(inner.type));
}

function describe(issue: v.BaseIssue<unknown>): { path: string; message: string } {
  const path = issue.path ?? [];
  const last = path.at(-1);
  if (issue.expected === "never" && last?.origin === "key") return { path: dotted(path.slice(0, -1)), message: "unknown key" };
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
