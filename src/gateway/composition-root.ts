/** The composition root: makes all parts, connects and starts them in order, and closes them in reverse order. */
import { AccessStore } from "../api/access/store.ts";
import type { Control } from "../api/contract/control.ts";
import type { ReloadView } from "../api/contract/views.ts";
import { type ApiServer, type LiveOptions, startApi } from "../api/server.ts";
import type { FinishedRestore } from "../backup/place.ts";
import { EventBus } from "../bus.ts";
import { sleep } from "../clock.ts";
import { needsRestart } from "../config/reload.ts";
import type { Config } from "../config/schema.ts";
import { ConfigWatcher } from "../config/watch.ts";
import type { GatewayControl } from "../control/control.ts";
import { fail, issueLine, ok, type Result } from "../errors.ts";
import type { CoreBus, CoreEvents } from "../events/core.ts";
import { Lifetime } from "../lifetime.ts";
import { inBackground } from "../log/background.ts";
import type { SimulatedMesh } from "../mesh/simulator/mesh.ts";
import type { Plugin } from "../plugins/plugin/plugin.ts";
import type { Publisher } from "../publish/publisher.ts";
import type { JoinedRegion } from "../region/ports.ts";
import { noteAddress } from "./address.ts";
import { passAlertsOn, watchForAlerts } from "./alerts/alerts.ts";
import { Backups } from "./backups.ts";
import { followConfig } from "./config-changes.ts";
import type { GatewayContext, GatewayOptions } from "./context/context.ts";
import { settled } from "./context/restored.ts";
import { openStorage, type Storage } from "./context/storage.ts";
import { makeControl } from "./control.ts";
import { Liveness } from "./liveness.ts";
import { makeIntake } from "./mesh/intake.ts";
import { type Mesh, makeMesh, startMesh } from "./mesh/mesh.ts";
import { type GatewayPlugins, makePlugins } from "./plugins/plugins.ts";
import { makePublisher } from "./publish.ts";
import { type GatewayRegion, makeRegion } from "./region/region.ts";
import { siteReport } from "./region/report.ts";
import { makeRollouts } from "./region/rollouts.ts";
import { makeSharing, NOTHING_SHARED, type Sharing } from "./region/sharing.ts";
import { watchRegion } from "./region/site-watch.ts";
import { describeNow } from "./summary.ts";

export type { GatewayOptions } from "./context/context.ts";

/** The radio links are opened after this time even while plugins still start. */
const PLUGIN_START_MS = 2_000;

interface Begun {
  readonly backups: Backups;
  readonly mesh: Mesh;
  readonly plugins: GatewayPlugins;
  readonly publisher: Publisher | null;
  readonly region: GatewayRegion | null;
}

export class Gateway {
  readonly bus: CoreBus;
  readonly #life: Lifetime;
  readonly #context: GatewayContext;
  #config: Config;
  #ready = false;
  #stopped = false;
  #api: ApiServer | null = null;
  #control: GatewayControl | null = null;
  #mesh: Mesh | null = null;
  #plugins: GatewayPlugins | null = null;
  #sharing: Sharing = NOTHING_SHARED;
  #watcher: ConfigWatcher | null = null;
  /** The last change of the configuration, while it is being applied. */
  #applying: Promise<void> = Promise.resolve();
  readonly #liveness: Liveness;

  constructor(options: GatewayOptions) {
    const { logger } = options.log;
    this.#config = options.loaded.config;
    this.bus = new EventBus<CoreEvents>((event, thrown) => logger.error(`a listener for ${event} failed`, { error: thrown }));
    this.#life = new Lifetime((what, thrown) => logger.error(`closing ${what} failed`, { error: thrown }));
    this.#context = { ...options, bus: this.bus, life: this.#life, overrides: options.overrides ?? {}, config: () => this.#config };
    this.#liveness = new Liveness({
      clock: options.clock,
      hosts: () => this.#plugins?.hosts.running() ?? [],
      links: () => this.#mesh?.radios ?? [],
    });
  }

  /** The restore that this start is the first after. */
  get restored(): FinishedRestore | null {
    return this.#context.restored ?? null;
  }

  get url(): string {
    return this.#api?.url ?? "";
  }

  /** Everything that an operator can do; null before the start. */
  get control(): Control | null {
    return this.#control;
  }

  /** The meshes behind the simulated interfaces. */
  get meshes(): readonly SimulatedMesh[] {
    return this.#mesh?.meshes ?? [];
  }

  get plugins(): readonly Plugin[] {
    return this.#plugins?.supervisor.list() ?? [];
  }

  /** How many capability sets are open, for tests that count leaks. */
  get capabilitySets(): number {
    return this.#plugins?.approvals.size ?? 0;
  }

  /** One line on plugins, links and waiting messages. */
  get summary(): string {
    return describeNow(this.plugins, this.#mesh?.links() ?? [], this.#mesh?.outbox.stats().queued ?? 0);
  }

  /** Null while everything moves, else what is stuck. */
  liveness(): Promise<string | null> {
    return this.#liveness.check();
  }

  /** Reads the configuration file again; resolves when the changes that need no restart are in force. Mistakes are logged, too. */
  async reload(): Promise<Result<ReloadView>> {
    const { log, loaded } = this.#context;
    const read = this.#watcher?.readNow() ?? null;
    if (read === null) log.logger.info("reload: there is no configuration file");
    if (read?.ok === true && read.value.length === 0) log.logger.info("reload: the configuration has not changed");
    this.#api?.reload();
    await this.#applying;
    if (read?.ok === false)
      return fail("config_invalid", read.error.map(issueLine).join("; "), { hint: "the configuration before stays in force" });
    const changed = read === null ? [] : read.value;
    return ok({ file: loaded.file, changed: [...changed], needs_restart: changed.filter(needsRestart) });
  }

  /** Fails when the gateway cannot run at all; everything is then closed again. */
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
    const context = this.#context;
    const opened = await openStorage(context);
    if (!opened.ok) return opened;
    const region = await makeRegion(context, opened.value);
    if (this.#stopped) return stoppedEarly(this.#life);
    const storage = opened.value;
    const mesh = makeMesh(context, storage);
    const joined = joinRegion(context, storage) ?? region?.joined ?? null;
    this.#sharing = await makeSharing(context, { storage, nodes: () => mesh.nodes.all(), joined });
    const made = makePlugins(context, storage, mesh, joined);
    if (!made.ok) return made;
    const plugins = made.value;
    this.#mesh = mesh;
    this.#plugins = plugins;
    const backups = new Backups(context, storage, plugins);
    context.life.add("backups", () => backups.stop());
    const webhook = passAlertsOn(context, mesh);
    const publisher = makePublisher(context, mesh, () => this.#control?.messages);
    const rollouts = await makeRollouts(context, { region, plugins, database: storage.database, packages: () => this.#control?.packages });
    const sharing = this.#sharing;
    const asked = { isReady: () => this.#ready, rollouts: () => rollouts, reload: () => this.reload() };
    const control = makeControl(context, { storage, mesh, plugins, backups, webhook, publisher, region, sharing, ...asked });
    if (region !== null) region.report = () => siteReport(control.ownStatus(), mesh.nodes.all().length);
    this.#control = control;
    const api = context.overrides.api === false ? ok(null) : this.#openApi(control, storage);
    if (!api.ok) return api;
    context.opened?.();
    region?.start();
    storage.disk.start();
    storage.ownClock.start();
    this.#followFile(plugins, backups);
    const running = await this.#run(storage, mesh, plugins);
    if (!running.ok) return running;
    settled(context);
    this.#begin({ backups, mesh, plugins, publisher, region });
    return running;
  }

  /** What waits until the links are open and the plugins were started. */
  #begin({ backups, mesh, plugins, publisher, region }: Begun): void {
    const context = this.#context;
    backups.start();
    plugins.comeBack.start(plugins.supervisor);
    watchForAlerts(context, mesh, plugins);
    this.#sharing.start();
    publisher?.start();
    watchRegion(context, region);
  }

  async #run(storage: Storage, mesh: Mesh, { supervisor, routing }: GatewayPlugins): Promise<Result<null>> {
    const starting = supervisor.start();
    // A plugin that hangs in initialize must not delay the radio: an emergency message may be waiting there.
    const patience = new AbortController();
    const early = await Promise.race([starting, sleep(this.#context.clock, PLUGIN_START_MS, patience.signal)]);
    patience.abort();
    if (this.#stopped) return stoppedEarly();
    if (early?.ok === false) return early;
    const intake = makeIntake(this.#context, storage, { mesh, router: routing.router, sharing: this.#sharing });
    startMesh(this.#context, mesh, (message) => intake.receive(message));
    const started = await starting;
    if (this.#stopped) return stoppedEarly();
    if (!started.ok) return started;
    this.#ready = true;
    return ok(null);
  }

  #openApi(control: Control, storage: Storage): Result<null> {
    const { clock, random, log } = this.#context;
    const { data_dir: dataDir, api: address } = this.#config;
    const { base_path: basePath, tls } = address;
    const options = { host: address.host, port: address.port, basePath, dataDir, tls, live: () => liveOptions(this.#config) };
    const api = startApi(options, control, {
      clock,
      random,
      log: log.logger.child("api"),
      access: new AccessStore(storage.database),
      audit: (event, detail) => storage.note(null, event, detail),
      onTrouble: (trouble) => {
        if (trouble === null) this.bus.emit("alert_cleared", { code: "certificate" });
        else this.bus.emit("alert", { code: "certificate", message: trouble });
      },
    });
    if (!api.ok) return api;
    this.#api = api.value;
    noteAddress(dataDir, api.value.url, log.logger);
    this.#life.add("control API", () => api.value.stop());
    return ok(null);
  }

  /** Edits of the configuration file take effect while everything runs. */
  #followFile(plugins: GatewayPlugins, backups: Backups): void {
    const { loaded, reload, clock, log } = this.#context;
    if (loaded.file === null || reload === undefined) return;
    const adopt = (config: Config) => {
      this.#config = config;
    };
    const watcher = new ConfigWatcher(
      {
        file: loaded.file,
        clock,
        log: log.logger.child("config"),
        load: reload,
        onChange: (next, keys) => {
          const applied = this.#applying.then(() => followConfig(next, keys, { log, ...plugins, backups, adopt }));
          this.#applying = applied.catch(() => undefined);
          inBackground(log.logger, "applying the changed configuration", applied);
        },
      },
      loaded,
    );
    watcher.start();
    this.#watcher = watcher;
    this.#life.add("configuration file", () => watcher.stop());
  }
}

/** Null: the gateway is alone. */
function joinRegion({ clock, random, log, life, overrides }: GatewayContext, { database }: Storage): JoinedRegion | null {
  return overrides.region?.({ database, clock, random, log: log.logger.child("region"), life }) ?? null;
}

async function stoppedEarly(life?: Lifetime): Promise<Result<null>> {
  await life?.close();
  return fail("cancelled", "the gateway was stopped while it started");
}

function liveOptions({ api }: Config): LiveOptions {
  const { allowed_hosts: allowedHosts, trusted_proxies: trustedProxies, position_digits: positionDigits, map_tiles: tiles } = api;
  const mapTiles = tiles === undefined ? null : { url: tiles.url, attribution: tiles.attribution ?? null, max_zoom: tiles.max_zoom };
  return { allowedHosts, trustedProxies, positionDigits, mapTiles };
}
