/** The composition root: makes every part, starts them in order, and closes them in reverse. */
import type { Control } from "../api/contract/control.ts";
import { type ApiServer, startApi } from "../api/server.ts";
import { EventBus } from "../bus.ts";
import { sleep } from "../clock.ts";
import type { Config } from "../config/schema.ts";
import { ConfigWatcher } from "../config/watch.ts";
import type { GatewayControl } from "../control/control.ts";
import { fail, ok, type Result } from "../errors.ts";
import type { CoreBus, CoreEvents } from "../events/core.ts";
import { Lifetime } from "../lifetime.ts";
import type { SimulatedMesh } from "../mesh/simulator/mesh.ts";
import type { Plugin } from "../plugins/plugin/plugin.ts";
import { followConfig } from "./config-changes.ts";
import type { GatewayOptions, Site } from "./context/context.ts";
import { openGround } from "./context/storage.ts";
import { makeDesk } from "./control.ts";
import { type Air, goOnAir, makeAir } from "./mesh/mesh.ts";
import { raiseAlarms } from "./operator-alerts.ts";
import { makeStage, type Stage } from "./plugins/plugins.ts";

export type { GatewayOptions } from "./context/context.ts";

/** Plugins get so long to start before the radio links are opened without them. */
const PATIENCE_MS = 2_000;

export class Gateway {
  readonly bus: CoreBus;
  readonly #life: Lifetime;
  readonly #site: Site;
  #config: Config;
  #ready = false;
  #stopped = false;
  #api: ApiServer | null = null;
  #control: GatewayControl | null = null;
  #air: Air | null = null;
  #stage: Stage | null = null;

  constructor(options: GatewayOptions) {
    const { logger } = options.log;
    this.#config = options.loaded.config;
    this.bus = new EventBus<CoreEvents>((event, thrown) => logger.error(`a listener for ${event} failed`, { error: thrown }));
    this.#life = new Lifetime((what, thrown) => logger.error(`closing ${what} failed`, { error: thrown }));
    this.#site = { ...options, bus: this.bus, life: this.#life, parts: options.parts ?? {}, config: () => this.#config };
  }

  get url(): string {
    return this.#api?.url ?? "";
  }

  /** All that an operator can do; null before the start. */
  get control(): Control | null {
    return this.#control;
  }

  /** Behind the simulated interfaces. */
  get meshes(): readonly SimulatedMesh[] {
    return this.#air?.meshes ?? [];
  }

  get plugins(): readonly Plugin[] {
    return this.#stage?.supervisor.list() ?? [];
  }

  /** Live sets of capabilities, for tests that count leaks. */
  get capabilitySets(): number {
    return this.#stage?.approvals.size ?? 0;
  }

  /** Fails with one line, and with nothing left open, where the gateway cannot run at all. */
  async start(): Promise<Result<null>> {
    const started = await this.#start();
    if (!started.ok) await this.stop();
    return started;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#ready = false;
    await this.#life.close();
  }

  async #start(): Promise<Result<null>> {
    const site = this.#site;
    const ground = openGround(site);
    if (!ground.ok) return ground;
    const air = makeAir(site, ground.value);
    const stage = makeStage(site, ground.value, air);
    if (!stage.ok) return stage;
    this.#air = air;
    this.#stage = stage.value;
    this.#control = makeDesk(site, ground.value, air, stage.value, () => this.#ready);
    const api = site.parts.api === false ? ok(null) : this.#openApi(this.#control);
    if (!api.ok) return api;
    site.opened?.();
    const operators = () => this.#config.operators;
    raiseAlarms({ bus: this.bus, clock: site.clock, log: site.log.logger, outbox: air.outbox, operators, correlationId: air.newId });
    this.#followFile(stage.value);
    return this.#run(air, stage.value);
  }

  async #run(air: Air, { supervisor, conversation }: Stage): Promise<Result<null>> {
    const starting = supervisor.start();
    // A plugin that hangs in initialize must not keep the radio waiting, and with it a cry for help.
    const patience = new AbortController();
    const early = await Promise.race([starting, sleep(this.#site.clock, PATIENCE_MS, patience.signal)]);
    patience.abort();
    if (this.#stopped) return stoppedEarly();
    if (early?.ok === false) return early;
    goOnAir(this.#site, air, (message) => conversation.take(message));
    const started = await starting;
    if (this.#stopped) return stoppedEarly();
    if (!started.ok) return started;
    this.#ready = true;
    return ok(null);
  }

  #openApi(control: Control): Result<null> {
    const { clock, random, log } = this.#site;
    const { data_dir: dataDir, api: address } = this.#config;
    const api = startApi({ ...address, dataDir }, control, { clock, random, log: log.logger.child("api") });
    if (!api.ok) return api;
    this.#api = api.value;
    this.#life.add("control API", () => api.value.stop());
    return ok(null);
  }

  /** Edits of the configuration file take effect while everything runs. */
  #followFile(stage: Stage): void {
    const { loaded, reload, clock, log } = this.#site;
    if (loaded.file === null || reload === undefined) return;
    const failed = (thrown: unknown) => log.logger.error("the changed configuration could not be carried out", { error: thrown });
    const adopt = (config: Config) => {
      this.#config = config;
    };
    const watcher = new ConfigWatcher(
      {
        file: loaded.file,
        clock,
        log: log.logger.child("config"),
        load: reload,
        onChange: (next, keys) => void followConfig(next, keys, { log, ...stage, adopt }).catch(failed),
      },
      loaded,
    );
    watcher.start();
    this.#life.add("configuration file", () => watcher.stop());
  }
}

function stoppedEarly(): Result<null> {
  return fail("cancelled", "the gateway was stopped while it started");
}
