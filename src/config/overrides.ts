/** Environment variables (`ZEPHYRGATE_API__PORT=9000`) and flags (`--port 9000`) that override single values of the file. */
import type { Issue } from "../errors.ts";
import type { Json } from "../json.ts";
import { nearest } from "../nearest.ts";
import { configSchema, MAX_CONFIG_BYTES } from "./schema.ts";
import { readYaml } from "./yaml.ts";

export interface Override {
  readonly path: readonly string[];
  readonly value: Json;
  /** The variable or flag, for messages. */
  readonly origin: string;
}

const PREFIX = "ZEPHYRGATE_";

/** The part of a Valibot schema that this file reads. */
interface Described {
  readonly type: string;
  readonly entries?: Readonly<Record<string, Described>>;
  readonly wrapped?: Described;
  readonly value?: Described;
}

export function readOverrides(
  env: Readonly<Record<string, string | undefined>>,
  flags: { readonly dataDir?: string; readonly port?: string },
): { readonly values: readonly Override[]; readonly issues: readonly Issue[]; readonly warnings: readonly Issue[] } {
  const values: Override[] = [];
  const issues: Issue[] = [];
  const warnings: Issue[] = [];
  const add = (path: readonly string[], text: string, origin: string) => {
    const leaf = find(path);
    if (leaf === undefined) {
      const near = nearest(origin, names());
      issues.push({
        file: origin,
        message: "no setting has this name",
        hint:
          origin === `${PREFIX}CONFIG`
            ? "name the file with --config FILE"
            : near === null
              ? "see docs/configuration.md"
              : `did you mean ${near}?`,
      });
      return;
    }
    const read = readValue(text, origin, leaf);
    if (read.ok) values.push({ path, value: read.value, origin });
    else issues.push(...read.error);
  };
  for (const name of Object.keys(env).sort()) {
    const text = env[name];
    if (!name.startsWith(PREFIX) || text === undefined) continue;
    if (isInjected(name, text)) {
      warnings.push({ file: name, message: "is ignored: container software sets such a variable for a service called zephyrgate" });
      continue;
    }
    add(name.slice(PREFIX.length).toLowerCase().split("__"), text, name);
  }
  if (flags.dataDir !== undefined) add(["data_dir"], flags.dataDir, "--data-dir");
  if (flags.port !== undefined) add(["api", "port"], flags.port, "--port");
  return { values, issues, warnings };
}

/** Docker's links and Kubernetes describe a service called zephyrgate in variables of our prefix. None of them is a setting. */
function isInjected(name: string, value: string): boolean {
  const rest = name.slice(PREFIX.length);
  if (/^PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:ADDR|PORT|PROTO))?$|^SERVICE_(?:HOST|PORT(?:_\w+)?)$|^ENV_\w+$/.test(rest)) return true;
  return (rest === "PORT" && /^(?:tcp|udp|sctp):\/\//.test(value)) || (rest === "NAME" && value.startsWith("/"));
}

/** Values are YAML; where the setting is text, it is taken as it is, but for quotes around all of it. */
function readValue(text: string, origin: string, leaf: Described): { ok: true; value: Json } | { ok: false; error: readonly Issue[] } {
  const isQuoted = /^(["']).*\1$/s.test(text);
  // A path may hold a blank and a number sign, which would begin a comment.
  if (leaf.type === "string" && !isQuoted) return { ok: true, value: text };
  const read = readYaml(text, origin, MAX_CONFIG_BYTES);
  if (leaf.type === "string") return { ok: true, value: read.ok && typeof read.value.value === "string" ? read.value.value : text };
  return read.ok ? { ok: true, value: read.value.value } : read;
}

function find(path: readonly string[]): Described | undefined {
  let at: Described | undefined = configSchema as unknown as Described;
  for (const key of path) {
    if (at === undefined || key === "") return undefined;
    at = inner(at);
    if (at.type === "custom") return at;
    if (at.type === "record") at = at.value;
    else at = at.entries !== undefined && Object.hasOwn(at.entries, key) ? at.entries[key] : undefined;
  }
  // A nullable text keeps its wrapper, because `null` is a value of it.
  while (at?.wrapped !== undefined && at.type === "optional") at = at.wrapped;
  return at;
}

function inner(schema: Described): Described {
  let plain = schema;
  while (plain.wrapped !== undefined) plain = plain.wrapped;
  return plain;
}

/** The names of all variables. */
export function names(): string[] {
  const found: string[] = [];
  const walk = (schema: Described, path: string) => {
    const plain = inner(schema);
    if (plain.entries === undefined) found.push(`${PREFIX}${path}`);
    else
      for (const [key, entry] of Object.entries(plain.entries))
        walk(entry, path === "" ? key.toUpperCase() : `${path}__${key.toUpperCase()}`);
  };
  walk(configSchema as unknown as Described, "");
  return found;
}
