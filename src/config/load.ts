import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, isAbsolute, join, resolve, sep } from "node:path";
import type { Issue, Result } from "../errors.ts";
import type { Json } from "../json.ts";
import { parseEntry } from "../permissions/grammar/descriptor.ts";
import { checkFile } from "./check.ts";
import { isMap, type JsonObject } from "./merge.ts";
import { type Override, readOverrides } from "./overrides.ts";
import { type Config, configSchema, MAX_CONFIG_BYTES } from "./schema.ts";
import { decodeText } from "./text.ts";
import { readYaml, type YamlFile } from "./yaml.ts";

export interface ConfigSources {
  /** Flags of the command line: `config` is `--config`; the others override every other source. */
  readonly flags: { readonly config?: string; readonly dataDir?: string; readonly port?: string };
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly home: string;
}

export interface LoadedConfig {
  /** The checked configuration with defaults; every path is absolute. */
  readonly config: Config;
  /** The file it was read from; null when there was none. */
  readonly file: string | null;
  /** What is ignored, and why. */
  readonly warnings?: readonly Issue[];
}

/** The files that are tried when the command line names none. */
export function searchPaths(cwd: string, home: string): readonly string[] {
  return [join(cwd, "config.yaml"), join(home, ".zephyrgate", "config.yaml"), "/etc/zephyrgate/config.yaml"];
}

/** A configuration with what it was made of, for those who show where a value came from. */
export interface ReadConfig {
  readonly loaded: LoadedConfig;
  /** The file as written; empty when there was none. */
  readonly yaml: YamlFile;
  /** The variable or flag, by dotted path. */
  readonly origins: ReadonlyMap<string, string>;
}

/** Finds, reads, overrides and checks the configuration. Returns all problems at once; issueLine prints each. */
export function loadConfig(sources: ConfigSources): Result<LoadedConfig, readonly Issue[]> {
  const read = readConfig(sources);
  return read.ok ? { ok: true, value: read.value.loaded } : read;
}

/** As {@link loadConfig}, with the sources of the values. */
export function readConfig(sources: ConfigSources): Result<ReadConfig, readonly Issue[]> {
  const { cwd, home, flags } = sources;
  const path =
    flags.config === undefined ? searchPaths(cwd, home).find((each) => existsSync(each)) : resolve(cwd, expand(flags.config, home));
  const read = path === undefined ? readYaml("", "configuration", MAX_CONFIG_BYTES) : readFile(path);
  if (!read.ok) return read;
  const overrides = readOverrides(sources.env, flags);
  const origins = new Map(overrides.values.map(({ path, origin }) => [path.join("."), origin]));
  const value = overrides.values.reduce(withOverride, read.value.value ?? {});
  const checked = checkFile(configSchema, read.value, value, origins);
  const issues = [...overrides.issues, ...(checked.ok ? [] : checked.error)];
  if (checked.ok) issues.push(...meaning(checked.value, read.value, origins));
  if (!checked.ok || issues.length > 0) return { ok: false, error: issues };
  const base = path === undefined ? cwd : dirname(path);
  const config = withPaths(checked.value, (key) => (origins.has(key) ? cwd : base), home);
  return { ok: true, value: { loaded: { config, file: path ?? null, warnings: overrides.warnings }, yaml: read.value, origins } };
}

function readFile(path: string): Result<YamlFile, readonly Issue[]> {
  const refuse = (message: string, hint: string) => ({ ok: false as const, error: [{ file: path, message, hint }] });
  try {
    if (!statSync(path).isFile()) return refuse("is not a file", "name the configuration file");
    const bytes = readFileSync(path);
    // A power cut while the file was written leaves such a file; built-in defaults are not what its owner wants.
    if (bytes.length === 0) return refuse("is empty", "write it again, for example with: zephyrgate config init");
    const text = decodeText(bytes, path);
    return text.ok ? readYaml(text.value, path, MAX_CONFIG_BYTES) : text;
  } catch (thrown) {
    const code = (thrown as { code?: string }).code ?? String(thrown);
    if (code === "ENOENT") return refuse("there is no such file", "check the path after --config");
    return refuse(`cannot be read (${code})`, "let the gateway's user read it");
  }
}

function withOverride(value: Json, { path, value: inner }: Override): Json {
  const [key, ...rest] = path;
  if (key === undefined) return inner;
  // A value that is not a map is kept, so that the schema refuses it.
  if (!isMap(value)) return value;
  const map: JsonObject = value;
  return { ...map, [key]: withOverride((Object.hasOwn(map, key) ? map[key] : undefined) ?? {}, { path: rest, value: inner, origin: "" }) };
}

const exampleOf = (path: readonly (string | number)[]) =>
  path.at(-1) === "device" ? "/dev/ttyUSB0" : path[0] === "plugins" ? "./plugins" : "./data";
const NOBODY = /^!(?:f{8}|0{8})$/i;
const WINDOWS = /^(?:[A-Za-z]:[\\/]|\\\\|COM\d+$)/;

function pathsIn({ data_dir, log, plugins, api, mesh }: Config): [(string | number)[], string][] {
  const { file } = log;
  return [
    [["data_dir"], data_dir],
    ...(file === null ? [] : [[["log", "file"], file] as [string[], string]]),
    ...plugins.paths.map((path, index): [(string | number)[], string] => [["plugins", "paths", index], path]),
    ...Object.entries(api.tls ?? {}).map(([key, path]): [string[], string] => [["api", "tls", key], path]),
    ...(mesh.interfaces ?? []).flatMap((link, index): [(string | number)[], string][] =>
      link.type === "serial" ? [[["mesh", "interfaces", index, "device"], link.device]] : [],
    ),
  ];
}

/** Checks that involve more than one value, or this system. */
function meaning(config: Config, file: YamlFile, origins: ReadonlyMap<string, string>): Issue[] {
  const issues: Issue[] = [];
  const report = (path: (string | number)[], message: string, hint: string) => {
    const field = path.join(".");
    const origin = origins.get(field);
    issues.push({ file: origin ?? file.file, ...(origin === undefined ? file.place(path) : undefined), field, message, hint });
  };
  for (const [path, text] of pathsIn(config)) {
    if (sep === "/" && WINDOWS.test(text))
      report(path, "is a path of Windows, and this is none", `write a path of this system, such as ${exampleOf(path)}`);
  }
  for (const [index, operator] of config.operators.entries())
    if (NOBODY.test(operator)) report(["operators", index], "is no node: everybody or nobody", "name the nodes of the operators");
  const names = new Set<string>();
  for (const [index, { name }] of (config.mesh.interfaces ?? []).entries()) {
    if (names.has(name)) report(["mesh", "interfaces", index, "name"], `two interfaces are called ${name}`, "rename one of them");
    names.add(name);
  }
  const { channel_utilization_polite: polite, channel_utilization_max: most } = config.mesh.airtime;
  if (polite > most)
    report(["mesh", "airtime", "channel_utilization_polite"], `${polite} is above channel_utilization_max`, `at most ${most}`);
  const { backoff_s: first, backoff_max_s: longest } = config.plugins.health;
  if (first > longest) report(["plugins", "health", "backoff_s"], `${first} is above backoff_max_s`, `at most ${longest}`);
  for (const [plugin, { deny }] of Object.entries(config.plugins.permissions)) {
    for (const [index, entry] of deny.entries()) {
      const parsed = parseEntry(entry);
      if (!parsed.ok)
        report(["plugins", "permissions", plugin, "deny", index], parsed.error.message, parsed.error.hint ?? "see the permission guide");
    }
  }
  return issues;
}

function withPaths(config: Config, baseOf: (key: string) => string, home: string): Config {
  const absolute = (key: string, path: string) => resolve(baseOf(key), expand(path, home));
  const { file } = config.log;
  const { tls } = config.api;
  const indexes = config.plugins.indexes.map((place) => (/^https?:/i.test(place) ? place : absolute("plugins.indexes", place)));
  const data_dir = absolute("data_dir", config.data_dir);
  const { interfaces } = config.mesh;
  const { publish } = config;
  const mesh =
    interfaces === undefined
      ? config.mesh
      : { ...config.mesh, interfaces: interfaces.map((link) => withLinkPaths(link, absolute, data_dir)) };
  return {
    ...config,
    mesh,
    ...(publish === undefined ? {} : { publish: withLoginPaths(publish, (path) => absolute("publish", path)) }),
    data_dir,
    plugins: { ...config.plugins, paths: config.plugins.paths.map((path) => absolute("plugins.paths", path)), indexes },
    api:
      tls === undefined ? config.api : { ...config.api, tls: { cert: absolute("api.tls", tls.cert), key: absolute("api.tls", tls.key) } },
    log: { ...config.log, file: file === null ? null : absolute("log.file", file) },
    ...(config.region === undefined ? {} : { region: withRegionPaths(config.region, absolute, data_dir) }),
  };
}

function withRegionPaths(region: NonNullable<Config["region"]>, absolute: (key: string, path: string) => string, dataDir: string) {
  const { key_file: key = join(dataDir, "region.key") } = region;
  return { ...withLoginPaths(region, (path) => absolute("region", path)), key_file: absolute("region", key) };
}

type Link = NonNullable<Config["mesh"]["interfaces"]>[number];

function withLinkPaths(link: Link, absolute: (key: string, path: string) => string, dataDir: string): Link {
  const at = (path: string) => absolute("mesh.interfaces", path);
  if (link.type !== "mqtt") return link.mqtt_proxy === undefined ? link : { ...link, mqtt_proxy: withLoginPaths(link.mqtt_proxy, at) };
  const { key_file: key = join(dataDir, `mqtt-${link.name}.key`) } = link;
  return { ...withLoginPaths(link, at), key_file: at(key) };
}

interface LoginFiles {
  readonly password_file?: string | undefined;
  readonly ca_file?: string | undefined;
}

/** With the files of a broker's login made absolute. */
function withLoginPaths<T extends LoginFiles>(broker: T, at: (path: string) => string): T {
  const { password_file: password, ca_file: authority } = broker;
  return {
    ...broker,
    ...(password === undefined ? {} : { password_file: at(password) }),
    ...(authority === undefined ? {} : { ca_file: at(authority) }),
  };
}

/** Expands `~` and `~/x` to the home folder. */
export function expand(path: string, home: string): string {
  if (path !== "~" && !path.startsWith("~/")) return path;
  return isAbsolute(home) ? join(home, path.slice(1)) : path;
}
