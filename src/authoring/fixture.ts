/** Plugins in a gateway of their own: temporary data, a simulated mesh, all that it asks for granted and every decision judged. */
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { minVersion } from "semver";
import { type Clock, sleep, systemClock, systemRandom } from "../clock.ts";
import { deepMerge, type JsonObject } from "../config/merge.ts";
import { WALLS } from "../config/schema/plugins.ts";
import { openSecretKey, type PluginSecrets, SecretStore, secretsSchema } from "../config/secrets.ts";
import { fail, issueLine, ok, type Result } from "../errors.ts";
import { Gateway } from "../gateway/composition-root.ts";
import type { GatewayOverrides } from "../gateway/context/overrides.ts";
import { FIRST_NODE, prepareSimulated } from "../gateway/context/simulated.ts";
import type { LogLine } from "../log/line.ts";
import { createLog, type LogConsole } from "../log/log.ts";
import { silentLogger } from "../log/logger.ts";
import type { Manifest } from "../manifest/schema.ts";
import type { SimulatedMesh } from "../mesh/simulator/mesh.ts";
import type { AuditItem } from "../permissions/audit/query.ts";
import type { BundledPlugin } from "../plugins/discovery/discovery.ts";
import type { Plugin } from "../plugins/plugin/plugin.ts";
import { openCoreDatabase } from "../storage/core-open.ts";

export interface FixturePlugin {
  readonly folder: string;
  readonly manifest: Manifest;
}

export interface FixtureOptions {
  /** The first is the one that is meant by {@link Fixture.plugin}. */
  readonly plugins: readonly FixturePlugin[];
  /** The gateway's configuration, over what a fixture needs. */
  readonly settings?: JsonObject;
  /** Values by plugin and name; they are there before a plugin starts. */
  readonly secrets?: PluginSecrets;
  /** A required plugin that is not among them is replaced by one that does nothing; otherwise it is missing, as in production. */
  readonly placeholders?: true;
  /** Names of the nodes, from number 2 on. */
  readonly nodes: readonly string[];
  readonly clock?: Clock;
  readonly overrides?: GatewayOverrides;
  readonly console?: LogConsole;
  onLog?(line: LogLine): void;
  onDecision?(item: AuditItem): void;
}

const LINK_MS = 5_000;

/** Close it with {@link Fixture.stop}: that removes its data too. */
export class Fixture {
  private constructor(
    private readonly name: string,
    private readonly make: () => Gateway,
    private readonly closing: () => void,
    private running: Gateway,
  ) {}

  /** Resolves when the plugins run, or have failed to: see {@link plugins}. */
  static async open(options: FixtureOptions): Promise<Result<Fixture>> {
    const { plugins, onLog, clock = systemClock } = options;
    const [first] = plugins;
    const prepared = prepareSimulated("dev", settingsOf(options));
    if (!prepared.ok) return fail("config_invalid", prepared.error.map(issueLine).join("\n"), { where: first?.folder ?? "" });
    const { loaded, chosen, folder: data } = prepared.value;
    const log = createLog(loaded.config.log, { clock, console: options.console ?? null });
    if (onLog !== undefined) log.book.follow({}, onLog);
    const close = () => {
      log.stop();
      rmSync(data, { recursive: true, force: true });
    };
    const kept = storeSecrets(loaded.config.data_dir, options.secrets ?? new Map(), clock);
    if (!kept.ok) {
      close();
      return kept;
    }
    const overrides = overridesOf(options);
    const make = () => new Gateway({ loaded, chosen, log, clock, random: systemRandom, allowAll: true, safe: false, overrides });
    const fixture = new Fixture(first?.manifest.name ?? "", make, close, make());
    const started = await fixture.#start();
    if (started.ok) return ok(fixture);
    close();
    return started;
  }

  get gateway(): Gateway {
    return this.running;
  }

  /** Stops the gateway and starts it again on the same data. */
  async restart(): Promise<Result<null>> {
    await this.running.stop();
    this.running = this.make();
    return this.#start();
  }

  async #start(): Promise<Result<null>> {
    const started = await this.running.start();
    if (started.ok) await this.#linked();
    return started;
  }

  /** Waits for the link: a message that a node sends earlier is lost. */
  async #linked(): Promise<void> {
    const isUp = () => this.gateway.control?.status().links.every((link) => link.state === "up") === true;
    const end = systemClock.monotonic() + LINK_MS;
    while (!isUp() && systemClock.monotonic() < end) await sleep(systemClock, 5);
  }

  /** Null when the plugin was not found; the log says why. */
  get plugin(): Plugin | null {
    return this.named(this.name);
  }

  named(name: string): Plugin | null {
    return this.gateway.plugins.find((plugin) => plugin.name === name) ?? null;
  }

  get mesh(): SimulatedMesh | undefined {
    return this.gateway.meshes[0];
  }

  /** Loads the files as they are now. When that fails, the error says why and the old version keeps running. */
  async reload(name = this.name): Promise<Result<unknown>> {
    const { control } = this.gateway;
    return control === null ? fail("unavailable", "the gateway is stopped") : control.plugins.reload(name, { via: "api", address: "dev" });
  }

  /** Sends a message from a node to the gateway and waits up to `ms` until it was processed; the outcome is `late` after that. */
  async say(from: number, text: string, ms: number, channel?: number): Promise<Result<string>> {
    const { promise, resolve } = Promise.withResolvers<string>();
    // Nodes send other packets too. Ours is found by its packet id, for which the gateway has an id of its own.
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

  /** Waits up to `ms` until all queued messages were sent. */
  async sent(ms: number): Promise<void> {
    const end = systemClock.monotonic() + ms;
    const waits = () => (this.gateway.control?.status().outbox.queued ?? 0) > 0;
    while (waits() && systemClock.monotonic() < end) await sleep(systemClock, 10);
    // The simulated mesh reports a message to its listeners a moment after it was sent.
    await sleep(systemClock, 20);
  }

  /** A plugin computes, or a text waits to be sent. */
  get busy(): boolean {
    const queued = this.gateway.control?.status().outbox.queued ?? 0;
    return queued > 0 || this.gateway.plugins.some((plugin) => (plugin.instance?.inFlight ?? 0) > 0);
  }

  /** Waits up to `ms` until it was not busy for a moment. */
  async quiet(ms: number): Promise<void> {
    const end = systemClock.monotonic() + ms;
    for (let calm = 0; calm < 3 && systemClock.monotonic() < end; ) {
      await sleep(systemClock, 10);
      calm = this.busy ? 0 : calm + 1;
    }
  }

  async stop(): Promise<void> {
    await this.gateway.stop();
    this.closing();
  }
}

function settingsOf({ plugins, settings = {} }: FixtureOptions): JsonObject {
  // An author's own machine may lack a wall of the jail: the others are used.
  return deepMerge(settings, { plugins: { paths: plugins.map(({ folder }) => folder), isolation: { allow_missing: [...WALLS] } } });
}

function overridesOf({ plugins, nodes, onDecision, placeholders, overrides = {} }: FixtureOptions): GatewayOverrides {
  return {
    ...(placeholders === true ? { bundled: plugins.flatMap(({ manifest }) => placeholdersFor(manifest)) } : {}),
    api: false,
    mesh: (mesh) => ({
      ...mesh,
      nodes: nodes.map((longName, index) => ({ number: FIRST_NODE + index, longName })),
      latencyMs: 0,
      textSpacingMs: 0,
    }),
    ...(onDecision === undefined ? {} : { decided: onDecision }),
    ...overrides,
  };
}

function storeSecrets(dataDir: string, secrets: PluginSecrets, clock: Clock): Result<null> {
  if (secrets.size === 0) return ok(null);
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const key = openSecretKey(dataDir, systemRandom);
  if (!key.ok) return key;
  const database = openCoreDatabase(join(dataDir, "gateway.db"), [secretsSchema], { clock, log: silentLogger });
  if (!database.ok) return database;
  try {
    const store = new SecretStore(database.value, key.value, systemRandom, () => clock.now());
    for (const [plugin, values] of secrets)
      for (const [name, value] of Object.entries(values)) {
        const stored = store.set(plugin, name, value);
        if (!stored.ok) return stored;
      }
    return ok(null);
  } finally {
    database.value.close();
  }
}

/** A placeholder for each plugin that this one requires: it runs and does nothing. */
function placeholdersFor(manifest: Manifest): BundledPlugin[] {
  return (manifest.dependencies.plugins ?? [])
    .filter((need) => !need.optional && need.name !== manifest.name)
    .map(({ name, version }) => ({
      name,
      files: {
        "manifest.yaml": `name: ${name}\nversion: "${minVersion(version)?.version ?? "1.0.0"}"\ndescription: placeholder for ${name}\nauthor: zephyrgate\n`,
        "plugin.js": `import { Plugin } from "zephyrgate"; export default class extends Plugin {}`,
      },
    }));
}
