/** The composition root: makes every room, hands each what it needs, starts them in order and closes them in reverse. */
import { join } from "node:path";
import type { Control } from "../api/control.ts";
import { type ApiServer, startApi } from "../api/server.ts";
import { EventBus } from "../bus.ts";
import { type Clock, type Random, sleep } from "../clock.ts";
import type { LoadedConfig } from "../config/load.ts";
import { changedKeys, deepMerge } from "../config/merge.ts";
import { openSecretKey, SecretStore, secretsSchema } from "../config/secrets.ts";
import { ConfigWatcher } from "../config/watch.ts";
import { Alerts } from "../control/alerts.ts";
import { Audit } from "../control/audit.ts";
import { GatewayControl } from "../control/control.ts";
import { Messages } from "../control/messages.ts";
import { Plugins } from "../control/plugins.ts";
import { simulateControl } from "../control/simulate.ts";
import { fail, type Issue, ok, type Result } from "../errors.ts";
import type { CoreBus, CoreEvents } from "../events/core.ts";
import { Egress } from "../http/egress.ts";
import { Lifetime } from "../lifetime.ts";
import type { Log } from "../log/log.ts";
import type { MeshLink } from "../mesh/link.ts";
import { CoreNodeStore, NODES_SCHEMA } from "../mesh/node-store.ts";
import { NodeDirectory } from "../mesh/nodes.ts";
import { Outbox } from "../mesh/outbox/outbox.ts";
import { OUTBOX_SCHEMA } from "../mesh/outbox/store.ts";
import type { SimulatedMesh } from "../mesh/simulator/mesh.ts";
import type { LinkStatus } from "../mesh/types.ts";
import { AuditLog } from "../permissions/audit/log.ts";
import { Broker } from "../permissions/broker.ts";
import { parseEntries } from "../permissions/descriptor.ts";
import { parseRate } from "../permissions/grammar/rates.ts";
import { GrantStore, grantsSchema } from "../permissions/grants.ts";
import { StoredApprovals } from "../plugins/approvals.ts";
import { decisionsSchema, type Settings, StoredDecisions } from "../plugins/decisions.ts";
import { Dispatch } from "../plugins/dispatch.ts";
import { Feed } from "../plugins/feed.ts";
import { Hosts } from "../plugins/hosts.ts";
import { correlationId } from "../plugins/instance.ts";
import { makeOperator } from "../plugins/operations/table.ts";
import { Peers } from "../plugins/peers.ts";
import type { Plugin } from "../plugins/plugin.ts";
import type { Candidate } from "../plugins/ports.ts";
import { Supervisor } from "../plugins/supervisor.ts";
import { ROUTER_SCHEMA } from "../router/seen.ts";
import { Compiler, compilerCommand } from "../sandbox/loader/compiler.ts";
import type { CoreDatabase } from "../storage/core.ts";
import { openCoreDatabase } from "../storage/core-open.ts";
import { lockDataFolder } from "../storage/lock.ts";
import { VERSION } from "../version.ts";
import { raiseAlarms } from "./alarm.ts";
import { type Conversation, makeConversation } from "./conversation.ts";
import { type FollowDeps, followConfig } from "./follow.ts";
import { hostSpawner } from "./host.ts";
import type { Chosen } from "./links.ts";
import { makeLinks } from "./links.ts";
import type { GatewayParts } from "./parts.ts";
import { Catalogue, databasePath } from "./plugins.ts";
import { runsSchema } from "./stores.ts";
import { logTraffic } from "./traffic.ts";

/** Plugins get so long to start before the radio links are opened without them. */
const PATIENCE_MS = 2_000;

export interface GatewayOptions {
  readonly loaded: LoadedConfig;
  readonly chosen: Chosen;
  readonly log: Log;
  readonly clock: Clock;
  readonly random: Random;
  readonly allowAll: boolean;
  readonly safe: boolean;
  /** Reads the configuration anew after an edit of its file; without it the file is not followed. */
  readonly reload?: () => Result<LoadedConfig, readonly Issue[]>;
  /** Called once nothing but plugins can fail any more: data folder, database and port are this gateway's own. */
  readonly opened?: () => void;
  /** Stand-ins for what reaches outside; the real ones when absent. */
  readonly parts?: GatewayParts;
}

export class Gateway {
  readonly bus: CoreBus;
  readonly #life: Lifetime;
  #ready = false;
  #stopped = false;
  #config: LoadedConfig["config"];
  #api: ApiServer | null = null;
  #control: GatewayControl | null = null;
  #meshes: readonly SimulatedMesh[] = [];
  #plugins: Supervisor | null = null;

  constructor(private readonly options: GatewayOptions) {
    const { logger } = options.log;
    this.#config = options.loaded.config;
    this.bus = new EventBus<CoreEvents>((event, thrown) => logger.error(`a listener for ${event} failed`, { error: thrown }));
    this.#life = new Lifetime((what, thrown) => logger.error(`closing ${what} failed`, { error: thrown }));
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
    return this.#meshes;
  }

  get plugins(): readonly Plugin[] {
    return this.#plugins?.list() ?? [];
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
    const { clock, random, log, parts = {} } = this.options;
    const { logger } = log;
    const lock = lockDataFolder(this.#config.data_dir);
    if (!lock.ok) return lock;
    this.#life.add("data folder", () => lock.value.release());
    const database = this.#openDatabase();
    if (!database.ok) return database;
    const key = openSecretKey(this.#config.data_dir, random);
    if (!key.ok) return key;
    const secrets = new SecretStore(database.value.sqlite, key.value, random, () => clock.now());

    const audit = new AuditLog({
      dir: join(this.#config.data_dir, "audit"),
      clock,
      log: logger.child("audit"),
      maxMb: this.#config.audit.max_mb,
    });
    audit.start();
    this.#life.add("audit log", () => audit.stop());
    if (parts.decided !== undefined) audit.subscribe({}, parts.decided);
    const note = (plugin: string | null, event: string, detail: string) => audit.note(event, plugin, { detail });

    const nodes = new NodeDirectory({
      clock,
      log: logger.child("mesh"),
      store: new CoreNodeStore(database.value),
      onSeen: (node) => this.bus.emit("node_seen", node),
    });
    nodes.start();
    this.#life.add("nodes", () => nodes.stop());
    logTraffic(this.bus, nodes, logger.child("mesh"));

    const newId = () => correlationId(random);
    const linkDeps = { clock, random, log: logger.child("mesh"), correlationId: newId, nodes };
    const { links, simulated } = makeLinks(this.options.chosen.interfaces, linkDeps, parts.mesh);
    this.#meshes = simulated.map(({ mesh }) => mesh);
    for (const { mesh } of simulated) this.#life.add("simulated mesh", () => mesh.stop());
    for (const link of links) link.onState((status) => this.bus.emit("link_state", status));

    const outbox = new Outbox({
      database: database.value,
      clock,
      random,
      log: logger.child("outbox"),
      radios: () => links,
      linkOf: (number) => nodes.get(number)?.link,
      config: { text_spacing_s: this.#config.mesh.text_spacing_s, airtime: this.#config.mesh.airtime },
      onStatus: (status) => this.bus.emit("message_status", status),
    });

    const decisions = new StoredDecisions(
      database.value,
      () => this.#configHash(),
      () => clock.now(),
    );
    const withExamples = this.options.loaded.file === null && this.options.chosen.allSimulated && !this.options.safe;
    const compiler = parts.compiler ?? new Compiler({ command: compilerCommand(), clock });
    this.#life.add("compiler", () => compiler.stop());
    const catalogue = new Catalogue({
      compiler,
      log: logger.child("plugins"),
      config: () => this.#config,
      decisions,
      safe: this.options.safe,
      withExamples,
      ...(parts.bundled === undefined ? {} : { bundled: parts.bundled }),
    });

    const broker = new Broker({
      clock,
      random,
      audit,
      onForgery: (plugin, forgery) => {
        note(plugin, "forged_token", `${forgery.kind} for ${forgery.permission}`);
        this.bus.emit("alert", { code: "forged_token", message: `${plugin} presented a forged token (${forgery.kind})`, plugin });
        const known = supervisor.get(plugin);
        if (known !== null) supervisor.recovery.failed(known, "strike", `forged token: ${forgery.kind}`);
      },
      onRequest: (plugin, permission) => this.bus.emit("permission_requested", { plugin, permission }),
    });
    const approvals = new StoredApprovals({
      store: new GrantStore(database.value.sqlite, clock),
      broker,
      policy: (plugin) => this.#policy(plugin),
      limitsAbove: (candidate) => catalogue.limitsAbove(candidate),
      candidate: (name) => supervisor.get(name)?.candidate ?? null,
      audit: note,
      changed: (plugin) => this.#permissionsChanged(plugin, approvals, outbox, conversation),
    });

    const dispatch: Dispatch = new Dispatch({
      log: logger.child("plugins"),
      plugin: (name) => supervisor.get(name),
      failed: (plugin, source, message) => supervisor.recovery.failed(plugin, source, message),
    });
    const channelName = (index: number) => linkChannels(links).find((channel) => channel.index === index)?.name || undefined;
    const conversation: Conversation = makeConversation({
      clock,
      random,
      log: logger,
      bus: this.bus,
      config: () => this.#config,
      database: database.value,
      nodes,
      outbox,
      dispatch,
      supervisor: () => supervisor,
      channelName,
      channelOn: (link, index) =>
        links
          .find((each) => each.name === link)
          ?.status()
          .channels.find((channel) => channel.index === index)?.name ?? "",
      ownNodes: () => links.flatMap((link) => link.status().ownNode ?? []),
    });
    this.#life.add("router", () => conversation.stop());

    const peers: Peers = new Peers({
      dispatch,
      plugins: () => supervisor.list(),
      nextId: newId,
      now: () => clock.now(),
      mayReach: (from, to, id) =>
        supervisor.get(from)?.instance?.lease.checkOwn({ permission: "inter_plugin_messaging", plugin: to }, id).allowed === true,
    });
    const egress = this.#egress();
    if (!egress.ok) return egress;
    const operate = makeOperator({
      bus: this.bus,
      outbox,
      egress: egress.value,
      nodes,
      links: () => links.map((link) => link.status()),
      secrets,
      registrars: conversation.registrars,
      peers,
      permissions: approvals,
    });
    const hosts = new Hosts({
      clock,
      log: logger.child("sandbox"),
      spawn: parts.spawnHost ?? hostSpawner(() => this.#config, { clock, log: logger.child("sandbox") }),
      onExit: (hostKey, host, exit) => supervisor.recovery.hostExited(hostKey, host, exit),
    });
    this.#life.add("plugin hosts", () => hosts.stop());
    const supervisor: Supervisor = new Supervisor({
      clock,
      random,
      log: logger.child("plugins"),
      bus: this.bus,
      hosts,
      operate,
      registrarOf: conversation.registrarOf,
      approvals,
      decisions,
      discover: () => catalogue.discover(),
      order: (candidates) => catalogue.order(candidates),
      build: (candidate) => catalogue.build(candidate),
      configOf: (candidate) => catalogue.configOf(candidate),
      changedKeys,
      schemaOf: (candidate) => catalogue.schemaOf(candidate),
      limitsOf: (candidate) => catalogue.limitsOf(candidate),
      databaseOf: (candidate) => databasePath(this.#config.data_dir, candidate.name),
      disabledByConfig: (name) => catalogue.disabledByConfig(name),
      wantsOwnHost: (candidate) => this.#config.plugins.isolation.own_host.includes(candidate.name) || asksForSecrets(candidate),
      healthLimits: () => this.#config.plugins.health,
      autoLoad: this.#config.plugins.auto_load,
      gatewayVersion: VERSION,
      audit: note,
    });
    this.#plugins = supervisor;
    this.#life.add("plugins", () => supervisor.stop());
    const feed = new Feed({
      bus: this.bus,
      dispatch,
      plugins: () => supervisor.list(),
      channelName,
      dropped: (plugin, type) => {
        const known = supervisor.get(plugin);
        if (known !== null) known.metrics.eventsDropped += 1;
        logger.debug(`an event ${type} was dropped: too many wait`, { plugin });
      },
    });
    feed.start();
    this.#life.add("events", () => feed.stop());
    raiseAlarms({ bus: this.bus, clock, log: logger, outbox, operators: () => this.#config.operators, correlationId: newId });
    this.#followFile({ log, supervisor, approvals, decisions, egress: egress.value, adopt: (config) => this.#adopt(config) });

    const control = new GatewayControl({
      version: VERSION,
      startedAt: clock.now(),
      safeMode: this.options.safe,
      events: this.bus,
      log: log.book,
      plugins: new Plugins({
        supervisor,
        approvals,
        now: () => clock.now(),
        configOf: (candidate) => catalogue.configOf(candidate),
        schemaOf: (candidate) => catalogue.schemaOf(candidate),
        limitsOf: (candidate) => ({ ...catalogue.limitsOf(candidate) }) as unknown as Record<string, number>,
        saveConfig: (plugin, config) => this.#saveConfig(plugin, config, catalogue, decisions, supervisor),
        secrets: {
          list: (plugin) => ok(secrets.list(plugin)),
          set: (plugin, name, value) => secrets.set(plugin, name, value),
          remove: (plugin, name) => (secrets.remove(plugin, name) ? ok(null) : fail("not_found", `${plugin} has no secret ${name}`)),
        },
        answerers: conversation.answerers,
        hostPid: (plugin) => hosts.running().find(({ key: hostKey }) => hostKey === plugin.hostKey)?.host.pid ?? null,
        audit: note,
      }),
      messages: new Messages({
        outbox,
        book: { nodes, links: () => links.map((link) => link.status()) },
        correlationId: newId,
        audit: (event, detail) => note(null, event, detail),
      }),
      audit: new Audit(audit, join(this.#config.data_dir, "audit")),
      simulate: simulateControl(simulated.map(({ mesh }) => mesh)),
      supervisor,
      outbox,
      alerts: new Alerts(this.bus, () => clock.now()),
      now: () => clock.now(),
      isReady: () => this.#ready,
      links: () => links.map((link) => link.status()),
      nodes: () => nodes.all(),
      tasks: () => conversation.schedule.status(),
      menus: () => conversation.menuRegistry.list(),
      walls: () => hosts.running()[0]?.host.walls ?? [],
    });
    this.#control = control;
    if (parts.api !== false) {
      const api = this.#startApi(control);
      if (!api.ok) return api;
    }

    this.options.opened?.();
    const starting = supervisor.start();
    // A plugin that hangs in initialize must not keep the radio waiting, and with it a cry for help.
    const patience = new AbortController();
    await Promise.race([starting, sleep(clock, PATIENCE_MS, patience.signal)]);
    patience.abort();
    if (this.#stopped) return stoppedEarly();
    outbox.start();
    this.#life.add("outbox", () => outbox.stop());
    for (const link of links) {
      link.onMessage((message) => conversation.take(message));
      link.start();
    }
    this.#life.add("radio links", async () => void (await Promise.all(links.map((link) => link.stop()))));
    await starting;
    if (this.#stopped) return stoppedEarly();
    this.#ready = true;
    return ok(null);
  }

  #startApi(control: Control): Result<null> {
    const { clock, random, log } = this.options;
    const { host, port } = this.#config.api;
    const api = startApi({ host, port, dataDir: this.#config.data_dir }, control, { clock, random, log: log.logger.child("api") });
    if (!api.ok) return api;
    this.#api = api.value;
    this.#life.add("control API", () => api.value.stop());
    return ok(null);
  }

  #adopt(config: LoadedConfig["config"]): void {
    this.#config = config;
  }

  #followFile(deps: FollowDeps): void {
    const { loaded, reload, clock } = this.options;
    if (loaded.file === null || reload === undefined) return;
    const watcher = new ConfigWatcher(
      {
        file: loaded.file,
        clock,
        log: deps.log.logger.child("config"),
        load: reload,
        onChange: (next, keys) =>
          void followConfig(next, keys, deps).catch((thrown: unknown) =>
            deps.log.logger.error("the changed configuration could not be carried out", { error: thrown }),
          ),
      },
      loaded,
    );
    watcher.start();
    this.#life.add("configuration file", () => watcher.stop());
  }

  #openDatabase(): Result<CoreDatabase> {
    const { clock, log } = this.options;
    const schemas = [runsSchema, NODES_SCHEMA, OUTBOX_SCHEMA, ROUTER_SCHEMA, grantsSchema, decisionsSchema, secretsSchema];
    const opened = openCoreDatabase(join(this.#config.data_dir, "gateway.db"), schemas, { clock, log: log.logger.child("storage") });
    if (opened.ok) this.#life.add("core database", () => opened.value.close());
    return opened;
  }

  #egress(): Result<Egress> {
    const { clock, random, log, parts: { resolve, exchange } = {} } = this.options;
    const rate = parseRate(this.#config.plugins.limits.http);
    if (!rate.ok) return rate;
    const outside = { ...(resolve === undefined ? {} : { resolve }), ...(exchange === undefined ? {} : { exchange }) };
    return ok(
      new Egress({ clock, random, log: log.logger.child("http"), rate: rate.value, userAgent: `zephyrgate/${VERSION}`, ...outside }),
    );
  }

  #policy(plugin: string) {
    const { enabled_plugins, permissions } = this.#config.plugins;
    const deny = parseEntries(permissions[plugin]?.deny ?? []);
    // The configuration was checked when it was read; what cannot be parsed cannot be there.
    return { allowAll: this.options.allowAll, enabled: enabled_plugins ?? null, deny: deny.ok ? deny.value : [] };
  }

  #configHash(): string {
    const { enabled_plugins, disabled_plugins, config, permissions } = this.#config.plugins;
    const part = JSON.stringify([enabled_plugins ?? null, disabled_plugins, config, permissions]);
    return new Bun.CryptoHasher("sha256").update(part).digest("hex");
  }

  /** A change of permissions holds at once: for the realm's first look, for waiting messages, for schedules. */
  #permissionsChanged(plugin: string, approvals: StoredApprovals, outbox: Outbox, conversation: Conversation): void {
    const known = this.#plugins?.get(plugin);
    const lease = approvals.lease(plugin);
    if (known !== null && known !== undefined && lease !== null) {
      known.instance?.realm?.update({ permissions: lease.states() as never, tokens: lease.tokens as Record<string, string> });
    }
    if (!approvals.holds(plugin, "send_messages")) outbox.withdraw({ plugin });
    if (approvals.holds(plugin, "schedule_tasks")) conversation.schedule.resume(plugin);
    else conversation.schedule.pause(plugin);
    this.bus.emit("permission_changed", { plugin });
  }

  async #saveConfig(
    plugin: Plugin,
    config: Settings,
    catalogue: Catalogue,
    decisions: StoredDecisions,
    supervisor: Supervisor,
  ): Promise<Result<readonly string[]>> {
    const before = plugin.instance === null ? catalogue.configOf(plugin.candidate) : plugin.config;
    const next = deepMerge(plugin.candidate.manifest.config.defaults ?? {}, config);
    const changed = changedKeys(before, next);
    const accepted = await supervisor.reconfigure(plugin.name, next, changed);
    if (!accepted.ok) return accepted;
    decisions.saveSettings(plugin.name, config);
    await supervisor.retryFailed(plugin.name);
    return ok(changed);
  }
}

function linkChannels(links: readonly MeshLink[]): readonly LinkStatus["channels"][number][] {
  return links.flatMap((link) => link.status().channels);
}

function asksForSecrets(candidate: Candidate): boolean {
  return candidate.manifest.permissions.some((entry) => entry.name === "secrets");
}

function stoppedEarly(): Result<null> {
  return fail("cancelled", "the gateway was stopped while it started");
}
