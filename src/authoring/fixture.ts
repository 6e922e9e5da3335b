/** One plugin in a gateway of its own: temporary data, a simulated mesh, all that it asks for granted and every decision judged. */
import { rmSync } from "node:fs";
import { minVersion } from "semver";
import { sleep, systemClock, systemRandom } from "../clock.ts";
import type { JsonObject } from "../config/merge.ts";
import { WALLS } from "../config/schema.ts";
import { fail, issueLine, ok, type Result } from "../errors.ts";
import { Gateway } from "../gateway/composition-root.ts";
import type { GatewayOverrides } from "../gateway/context/overrides.ts";
import { FIRST_NODE, prepareSimulated } from "../gateway/context/simulated.ts";
import type { Json } from "../json.ts";
import type { LogLine } from "../log/line.ts";
import { createLog, type LogConsole } from "../log/log.ts";
import type { Manifest } from "../manifest/schema.ts";
import type { SimulatedMesh } from "../mesh/simulator/mesh.ts";
import type { AuditItem } from "../permissions/audit/query.ts";
import type { BundledPlugin } from "../plugins/discovery/discovery.ts";
import type { Plugin } from "../plugins/plugin/plugin.ts";

export interface FixtureOptions {
  readonly folder: string;
  readonly manifest: Manifest;
  /** The operator's values, over the plugin's defaults. */
  readonly config?: { readonly [key: string]: Json };
  /** Names of the nodes, from number 2 on. */
  readonly nodes: readonly string[];
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
    readonly gateway: Gateway,
    private readonly closing: () => void,
  ) {}

  /** Resolves when the plugin runs, or has failed to: see {@link plugin}. */
  static async open(options: FixtureOptions): Promise<Result<Fixture>> {
    const { folder, manifest, onLog } = options;
    const prepared = prepareSimulated("dev", settingsOf(options));
    if (!prepared.ok) return fail("config_invalid", prepared.error.map(issueLine).join("\n"), { where: folder });
    const { loaded, chosen, folder: data } = prepared.value;
    const log = createLog(loaded.config.log, { clock: systemClock, console: options.console ?? null });
    if (onLog !== undefined) log.book.follow({}, onLog);
    const gateway = new Gateway({
      loaded,
      chosen,
      log,
      clock: systemClock,
      random: systemRandom,
      allowAll: true,
      safe: false,
      overrides: overridesOf(options),
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
    const fixture = new Fixture(manifest.name, gateway, close);
    await fixture.#linked();
    return ok(fixture);
  }

  /** Waits for the link: a message that a node sends earlier is lost. */
  async #linked(): Promise<void> {
    const isUp = () => this.gateway.control?.status().links.every((link) => link.state === "up") === true;
    const end = systemClock.monotonic() + LINK_MS;
    while (!isUp() && systemClock.monotonic() < end) await sleep(systemClock, 5);
  }

  /** Null when the plugin was not found; the log says why. */
  get plugin(): Plugin | null {
    return this.gateway.plugins.find((plugin) => plugin.name === this.name) ?? null;
  }

  get mesh(): SimulatedMesh | undefined {
    return this.gateway.meshes[0];
  }

  /** Loads the files as they are now. When that fails, the error says why and the old version keeps running. */
  async reload(): Promise<Result<unknown>> {
    const { control } = this.gateway;
    return control === null
      ? fail("unavailable", "the gateway is stopped")
      : control.plugins.reload(this.name, { via: "api", address: "dev" });
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

  async stop(): Promise<void> {
    await this.gateway.stop();
    this.closing();
  }
}

function settingsOf({ folder, manifest, config = {} }: FixtureOptions): JsonObject {
  // An author's own machine may lack a wall of the jail: the others are used.
  return { plugins: { paths: [folder], config: { [manifest.name]: config }, isolation: { allow_missing: [...WALLS] } } };
}

function overridesOf({ manifest, nodes, onDecision, overrides = {} }: FixtureOptions): GatewayOverrides {
  return {
    bundled: placeholders(manifest),
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

/** A placeholder for each plugin that this one requires: it runs and does nothing. */
function placeholders(manifest: Manifest): BundledPlugin[] {
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
