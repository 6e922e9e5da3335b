/** One plugin in a gateway of its own: temporary data, a simulated mesh, all that it asks for granted and every decision judged. */
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { minVersion } from "semver";
import { sleep, systemClock, systemRandom } from "../clock.ts";
import { loadConfig } from "../config/load.ts";
import { WALLS } from "../config/schema.ts";
import { fail, issueLine, ok, type Result } from "../errors.ts";
import { Gateway } from "../gateway/composition-root.ts";
import type { GatewayOverrides } from "../gateway/context/overrides.ts";
import type { Json } from "../json.ts";
import type { LogLine } from "../log/line.ts";
import { createLog, type LogConsole } from "../log/log.ts";
import type { Manifest } from "../manifest/schema.ts";
import type { SimulatedMesh } from "../mesh/simulator/mesh.ts";
import type { AuditItem } from "../permissions/audit/query.ts";
import type { BundledPlugin } from "../plugins/discovery/discovery.ts";
import type { Plugin } from "../plugins/plugin/plugin.ts";

export interface StandOptions {
  readonly folder: string;
  readonly manifest: Manifest;
  /** The operator's values, over the plugin's defaults. */
  readonly config?: { readonly [key: string]: Json };
  /** Names of the nodes, from number 2 on. */
  readonly nodes: readonly string[];
  readonly parts?: GatewayOverrides;
  readonly console?: LogConsole;
  onLog?(line: LogLine): void;
  onDecision?(item: AuditItem): void;
}

export const FIRST_NODE = 2;
const LINK_MS = 5_000;

export class Stand {
  private constructor(
    private readonly name: string,
    readonly gateway: Gateway,
    private readonly closing: () => void,
  ) {}

  /** Resolves when the plugin runs, or has failed to: see {@link plugin}. */
  static async open(options: StandOptions): Promise<Result<Stand>> {
    const { folder, manifest, nodes, parts = {}, onLog, onDecision } = options;
    const data = mkdtempSync(join(realpathSync(tmpdir()), "zephyrgate-dev-"));
    const file = join(data, "config.yaml");
    writeFileSync(file, JSON.stringify(configOf(options)));
    const loaded = loadConfig({ flags: { config: file }, env: {}, cwd: data, home: data });
    if (!loaded.ok) {
      rmSync(data, { recursive: true, force: true });
      return fail("config_invalid", loaded.error.map(issueLine).join("\n"), { where: folder });
    }
    const log = createLog(loaded.value.config.log, { clock: systemClock, console: options.console ?? null });
    if (onLog !== undefined) log.book.follow({}, onLog);
    const gateway = new Gateway({
      loaded: loaded.value,
      chosen: { interfaces: loaded.value.config.mesh.interfaces ?? [], banner: [], allSimulated: true },
      log,
      clock: systemClock,
      random: systemRandom,
      allowAll: true,
      safe: false,
      overrides: {
        bundled: standIns(manifest),
        api: false,
        mesh: (mesh) => ({
          ...mesh,
          nodes: nodes.map((longName, index) => ({ number: FIRST_NODE + index, longName })),
          latencyMs: 0,
          textSpacingMs: 0,
        }),
        ...(onDecision === undefined ? {} : { decided: onDecision }),
        ...parts,
      },
    });
    const close = () => {
      log.stop();
      rmSync(data, { recursive: true, force: true });
    };
    const started = await gateway.start();
    if (!started.ok) {
      close();
      return started;
    }
    const stand = new Stand(manifest.name, gateway, close);
    await stand.#linked();
    return ok(stand);
  }

  /** What a node says before the link is up would be lost. */
  async #linked(): Promise<void> {
    const isUp = () => this.gateway.control?.status().links.every((link) => link.state === "up") === true;
    const end = systemClock.monotonic() + LINK_MS;
    while (!isUp() && systemClock.monotonic() < end) await sleep(systemClock, 5);
  }

  /** Null: it was not found; the log says why. */
  get plugin(): Plugin | null {
    return this.gateway.plugins.find((plugin) => plugin.name === this.name) ?? null;
  }

  get mesh(): SimulatedMesh | undefined {
    return this.gateway.meshes[0];
  }

  /** Its files as they are now. Fails with the reason, and the old version runs on. */
  async reload(): Promise<Result<unknown>> {
    const { control } = this.gateway;
    return control === null ? fail("unavailable", "it is closed") : control.plugins.reload(this.name, { via: "api", address: "dev" });
  }

  /** Lets a node say something to the gateway, and waits until it was taken care of, `ms` at most. */
  async say(from: number, text: string, ms: number, channel?: number): Promise<Result<string>> {
    const { promise, resolve } = Promise.withResolvers<string>();
    // Nodes also announce themselves: ours is told by its packet, which the gateway knows by another id.
    const ids = new Map<number, string>();
    const outcomes = new Map<string, string>();
    let packet: number | null = null;
    const look = () => {
      const outcome = outcomes.get(ids.get(packet ?? -1) ?? "");
      if (outcome !== undefined) resolve(outcome);
    };
    const received = this.gateway.bus.on("message_received", ({ packetId, correlationId }) => void ids.set(packetId, correlationId));
    const done = this.gateway.bus.on("message_processed", ({ correlationId, outcome }) => {
      outcomes.set(correlationId, outcome);
      look();
    });
    const timer = systemClock.after(ms, () => resolve("late"));
    try {
      const said = this.mesh?.say({ from, text, ...(channel === undefined ? {} : { channel }) }) ?? fail("unavailable", "there is no mesh");
      if (!said.ok) return said;
      packet = said.value;
      look();
      return ok(await promise);
    } finally {
      timer.cancel();
      received.dispose();
      done.dispose();
    }
  }

  /** Waits until what it said has left, `ms` at most. */
  async sent(ms: number): Promise<void> {
    const end = systemClock.monotonic() + ms;
    const waits = () => (this.gateway.control?.status().outbox.queued ?? 0) > 0;
    while (waits() && systemClock.monotonic() < end) await sleep(systemClock, 10);
    // The air itself tells its listeners a moment later.
    await sleep(systemClock, 20);
  }

  async stop(): Promise<void> {
    await this.gateway.stop();
    this.closing();
  }
}

function configOf({ folder, manifest, config = {} }: StandOptions): Json {
  return {
    data_dir: "./data",
    mesh: { interfaces: [{ name: "dev", type: "simulated", nodes: 1 }], text_spacing_s: 0, airtime: { plugin_share: 1 } },
    commands: { sender_rate: "6000/min" },
    // An author's own machine may lack a wall: what stands is used.
    plugins: { paths: [folder], config: { [manifest.name]: config }, isolation: { allow_missing: [...WALLS] } },
    log: { level: "debug" },
  };
}

/** Plugins that it needs and that are not here: they run, and do nothing. */
function standIns(manifest: Manifest): BundledPlugin[] {
  return (manifest.dependencies.plugins ?? [])
    .filter((need) => !need.optional && need.name !== manifest.name)
    .map(({ name, version }) => ({
      name,
      files: {
        "manifest.yaml": `name: ${name}\nversion: "${minVersion(version)?.version ?? "1.0.0"}"\ndescription: stands in for ${name}\nauthor: zephyrgate\n`,
        "plugin.js": `import { Plugin } from "zephyrgate"; export default class extends Plugin {}`,
      },
    }));
}
