/** A gateway on a simulated mesh, in a temporary folder: what the testing kit, `plugin check` and `plugin dev` start from. */
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type LoadedConfig, loadConfig } from "../../config/load.ts";
import { deepMerge, type JsonObject } from "../../config/merge.ts";
import type { Issue, Result } from "../../errors.ts";
import { type Chosen, chooseInterfaces } from "./interfaces.ts";

/** The number of the first node that the author names; the gateway's own node is 1. */
export const FIRST_NODE = 2;

/** Nothing waits for the radio, and nobody is limited: a test sends as much as it likes. */
const BASE: JsonObject = {
  data_dir: "./data",
  mesh: { text_spacing_s: 0, airtime: { plugin_share: 1 } },
  commands: { sender_rate: "6000/min" },
  // A clock that is moved by days makes none: it would wait for the real disk.
  backup: { keep: 0 },
  log: { level: "debug" },
};

export interface SimulatedSetup {
  /** Holds the configuration and all data. Whoever prepared it removes it. */
  readonly folder: string;
  readonly loaded: LoadedConfig;
  readonly chosen: Chosen;
}

/** Writes a configuration, `settings` over the usual one, into a new temporary folder and reads it as the program would. */
export function prepareSimulated(link: string, settings: JsonObject): Result<SimulatedSetup, readonly Issue[]> {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), `zephyrgate-${link}-`));
  const file = join(folder, "config.yaml");
  const interfaces = { mesh: { interfaces: [{ name: link, type: "simulated", nodes: 1 }] } };
  writeFileSync(file, JSON.stringify(deepMerge(deepMerge(BASE, interfaces), settings)));
  const loaded = loadConfig({ flags: { config: file }, env: {}, cwd: folder, home: folder });
  if (!loaded.ok) {
    rmSync(folder, { recursive: true, force: true });
    return loaded;
  }
  return { ok: true, value: { folder, loaded: loaded.value, chosen: chooseInterfaces(loaded.value.config, () => []) } };
}
