import { readFileSync, statSync } from "node:fs";
import { isAbsolute, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { deepMerge, type JsonObject } from "../config/merge.ts";
import { GatewayError, type Issue, issueLine, type Result } from "../errors.ts";
import { FIRST_NODE, prepareSimulated, type SimulatedSetup } from "../gateway/context/simulated.ts";
import type { Json } from "../json.ts";
import { MANIFEST_FILE, parseManifest } from "../manifest/parse.ts";
import { formatNodeId } from "../mesh/ids.ts";
import type { Compiler } from "../sandbox/loader/compiler.ts";
import { type LoadedPlugin, loadPlugin } from "../sandbox/loader/load.ts";
import { folderSource } from "../sandbox/loader/source.ts";
import type { PermissionEntry } from "../sdk/types/services.ts";
import { covered } from "./coverage.ts";
import type { TestHttp } from "./world/http.ts";
import type { NodeOptions } from "./world/nodes.ts";
import type { TestRegion } from "./world/region.ts";

export interface TestOptions {
  /** Folder of the plugin, or folders of several; the first is `gateway.plugin`. */
  readonly plugin: string | readonly string[];
  /** The first plugin's configuration, over its defaults. */
  readonly config?: { readonly [key: string]: Json };
  /** Anything else of the gateway's configuration file. */
  readonly settings?: { readonly [key: string]: Json };
  /** `all` (the default) that the first plugin's manifest asks for, or these parts of it alone. */
  readonly grant?: "all" | readonly PermissionEntry[];
  /** Permissions that the configuration denies to the first plugin. */
  readonly deny?: readonly PermissionEntry[];
  /** Names, or nodes in detail; Alice, Bob and Carol when absent. `gateway.node` adds further ones. */
  readonly nodes?: readonly (string | NodeOptions)[];
  /** The mesh's channels from index 0 on; the first is the default one (""). Two when absent: "" and `Local`. */
  readonly channels?: readonly string[];
  /** Answers of the internet that are needed as soon as the plugin starts: called before it does. */
  readonly http?: (internet: TestHttp) => void;
  /** Names of nodes that may use admin commands. */
  readonly operators?: readonly string[];
  /** Secrets of the first plugin. */
  readonly secrets?: Readonly<Record<string, string>>;
  /** The time at the start; Monday, 5 January 2026, 12:00 UTC when absent. */
  readonly now?: string | Date;
  /** Seed of the random numbers: the same seed gives the same numbers in every run. */
  readonly seed?: number;
  /** The first plugin may fail to start; without this that fails the test. */
  readonly mayFail?: boolean;
  /** The region that this gateway and others of the test are in. */
  readonly region?: TestRegion;
  /** This gateway's name in the region; `here` when absent. */
  readonly site?: string;
  /** True: plugins run in the jailed process, as in production, and in real time. */
  readonly realHost?: boolean;
}

export interface Setup extends SimulatedSetup {
  readonly plugins: readonly string[];
  readonly nodes: readonly NodeOptions[];
  readonly channels?: readonly string[];
}

const NODES = ["Alice", "Bob", "Carol"];

/** Writes a configuration into a temporary folder and reads it as the program would. */
export function prepare(options: TestOptions): Setup {
  const folders = [options.plugin].flat().map(pathOf);
  const names = folders.map(nameOf);
  const [first = ""] = names;
  const nodes = [...(options.nodes ?? NODES)].map((node) => (typeof node === "string" ? { name: node } : node));
  for (const name of options.operators ?? []) if (!nodes.some((node) => node.name === name)) nodes.push({ name });
  const operators = (options.operators ?? []).map((name) => formatNodeId(FIRST_NODE + nodes.findIndex((node) => node.name === name)));
  const { grant = "all", deny = [] } = options;
  const own: JsonObject = {
    operators,
    plugins: {
      paths: folders,
      enabled_plugins: names,
      auto_load: grant === "all",
      // Days pass in a test: each check is a call into every plugin.
      health: { interval_s: 600 },
      config: { [first]: options.config ?? {} },
      permissions: deny.length === 0 ? {} : { [first]: { deny: deny as Json } },
    },
  };
  const prepared = prepareSimulated("test", deepMerge(own, (options.settings ?? {}) as JsonObject));
  if (!prepared.ok) throw refused("the settings are not valid", prepared.error);
  return { ...prepared.value, plugins: names, nodes, ...(options.channels === undefined ? {} : { channels: options.channels }) };
}

function pathOf(path: string): string {
  const plain = path.startsWith("file:") ? fileURLToPath(path) : path;
  return isAbsolute(plain) ? resolve(plain) : resolve(process.cwd(), plain);
}

function nameOf(folder: string): string {
  const file = join(folder, MANIFEST_FILE);
  if (statSync(file, { throwIfNoEntry: false }) === undefined) {
    const hint = "from its tests folder that is import.meta.dir with /.. behind it";
    throw new GatewayError("load_failed", `there is no ${MANIFEST_FILE}`, { where: folder, hint });
  }
  const manifest = parseManifest(readFileSync(file, "utf8"), file);
  if (!manifest.ok) throw refused("the manifest is not valid", manifest.error);
  return manifest.value.name;
}

export function refused(what: string, issues: readonly Issue[]): GatewayError {
  return new GatewayError("invalid_argument", `${what}:\n${issues.map((issue) => `  ${issueLine(issue)}`).join("\n")}`);
}

interface Kept {
  readonly answer: Result<LoadedPlugin, readonly Issue[]>;
  readonly stamp: string;
}

const kept = new Map<string, Kept>();

/** Bundles in this process, once for all tests: an author's own plugin can harm only the author's own test. */
export const testCompiler: Pick<Compiler, "load" | "stop"> = {
  async load(folder, main) {
    const key = `${folder}\0${main ?? ""}`;
    const known = kept.get(key);
    if (known !== undefined && known.stamp === stampOf(folder, known.answer)) return known.answer;
    const source = folderSource(folder);
    const loaded = source.ok ? await loadPlugin(source.value, main) : source;
    const answer = loaded.ok ? { ok: true as const, value: covered(folder, nameOf(folder), loaded.value) } : loaded;
    kept.set(key, { answer, stamp: stampOf(folder, answer) });
    return answer;
  },
  stop: async () => {},
};

/** A stamp of all files in the bundle. The files of a failed bundle are not known, so it is made again. */
function stampOf(folder: string, answer: Kept["answer"]): string {
  if (!answer.ok) return crypto.randomUUID();
  return answer.value.modules
    .map(({ path }) => {
      const stats = statSync(join(folder, path), { throwIfNoEntry: false });
      return `${path}:${stats?.mtimeMs}:${stats?.size}`;
    })
    .join("\n");
}
