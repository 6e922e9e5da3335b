/** A supervisor with real parts, over plugin hosts that are played and a clock that the test moves. */
import type { CallOutcome, CallTarget, GoneReason, RealmPause, RealmSpec } from "../../src/bridge/realm-spec.ts";
import { EventBus } from "../../src/bus.ts";
import { fail, type GatewayError, ok, type Result } from "../../src/errors.ts";
import type { CoreEvents } from "../../src/events/core.ts";
import { callNumber, realmNumber } from "../../src/ids.ts";
import type { Json } from "../../src/json.ts";
import type { Logger } from "../../src/log/logger.ts";
import type { LiveCapabilitySet } from "../../src/permissions/capability-set.ts";
import { planStart } from "../../src/plugins/discovery/order.ts";
import { Hosts } from "../../src/plugins/lifecycle/hosts.ts";
import type { AwaitedApproval, Candidate, HostKey, UnusableFolder } from "../../src/plugins/plugin/candidate.ts";
import type { Instance } from "../../src/plugins/plugin/instance.ts";
import type { CheckedRegistration } from "../../src/plugins/registrations/registration.ts";
import { Supervisor, type SupervisorDeps } from "../../src/plugins/supervisor.ts";
import type { HostExit, PluginHost, Realm, RealmEvents } from "../../src/sandbox/port.ts";
import { FakeClock, fakeRandom, settle } from "../fake-clock.ts";
import { grantedSet, manifestOf } from "./support.ts";

export const HEALTH = { max_failures: 2, max_restarts: 2, backoff_s: 1, backoff_max_s: 60, reset_after: 3, interval_s: 30, timeout_s: 5 };

export const threw = (message: string): CallOutcome => ({ ok: false, cause: "threw", error: { name: "Error", message }, cpuMs: 0 });
export const gone = (): CallOutcome => ({ ok: false, cause: "gone", error: { name: "RealmGone", message: "gone" }, cpuMs: 0 });
export const fine = (value: Json = null): CallOutcome => ({ ok: true, value, cpuMs: 0 });

type Answer = CallOutcome | Promise<CallOutcome>;

export class FakeRealm implements Realm {
  readonly number;
  readonly plugin: string;
  isClosed = false;
  readonly updates: { config?: { readonly [key: string]: Json } }[] = [];

  constructor(
    private readonly world: World,
    number: number,
    readonly spec: RealmSpec,
    readonly events: RealmEvents,
  ) {
    this.number = realmNumber(number);
    this.plugin = spec.plugin;
  }

  call(target: CallTarget, args: readonly Json[], timeoutMs: number) {
    const what = target.kind === "lifecycle" ? target.hook : target.kind;
    this.world.did(`${this.plugin} ${this.spec.version} ${what}`);
    if (this.isClosed) return { id: callNumber(1), outcome: Promise.resolve(gone()) };
    this.world.calls.push({ plugin: this.plugin, what, args, timeoutMs });
    const answer = this.world.answers.get(`${this.plugin} ${what}`)?.(this);
    return { id: callNumber(1), outcome: Promise.resolve(answer ?? fine()) };
  }

  update(change: { config?: { readonly [key: string]: Json } }): void {
    this.updates.push(change);
  }

  pause(how: RealmPause): void {
    this.world.did(`${this.plugin} ${this.spec.version} ${how}`);
  }

  usage() {
    return { cpuMs: 0, memoryBytes: 0, storageBytes: 0, storageCalls: 0, storageDenied: 0, timers: 0, queueDepth: 0 };
  }

  async close(): Promise<void> {
    if (!this.isClosed) this.world.did(`${this.plugin} ${this.spec.version} closed`);
    this.isClosed = true;
    this.world.onRelease(this, null);
  }

  ends(reason: GoneReason): void {
    this.isClosed = true;
    this.world.onRelease(this, null);
    this.events.gone(reason, "out of memory");
  }
}

export class FakeHost implements PluginHost {
  readonly walls = [];
  readonly realms: FakeRealm[] = [];
  isDead = false;
  readonly exited: Promise<HostExit>;
  readonly #exit: (exit: HostExit) => void;

  constructor(
    private readonly world: World,
    readonly key: HostKey,
    readonly pid: number,
  ) {
    const { promise, resolve } = Promise.withResolvers<HostExit>();
    this.exited = promise;
    this.#exit = resolve;
  }

  async open(spec: RealmSpec, events: RealmEvents): Promise<Result<Realm>> {
    this.world.did(`${spec.plugin} ${spec.version} opened in ${this.key}`);
    const refused = this.world.refuseOpen(spec, this);
    if (refused !== null) return { ok: false, error: refused };
    if (this.isDead) return fail("host_gone", "the host ended");
    this.world.realmNumbers += 1;
    const realm = new FakeRealm(this.world, this.world.realmNumbers, spec, events);
    this.realms.push(realm);
    return ok(realm);
  }

  async takeInDatabase(from: string, to: string): ReturnType<PluginHost["takeInDatabase"]> {
    const copied = await this.backupDatabase(from, to);
    return copied.ok ? ok({ rows: {}, left: [] }) : copied;
  }

  async backupDatabase(from: string, to: string): Promise<Result<null>> {
    this.world.did(`backup ${from} ${to}`);
    await Bun.write(to, Bun.file(from));
    return ok(null);
  }

  async releaseDatabase(path: string): Promise<Result<null>> {
    this.world.did(`release ${path}`);
    for (const realm of this.realms) this.world.onRelease(realm, path);
    return ok(null);
  }

  async validateConfig(): Promise<Result<readonly { path: string; message: string }[]>> {
    return ok(this.world.configProblems);
  }

  async stop(): Promise<void> {
    this.world.did(`host ${this.key} stopped`);
    this.dies({ reason: "stopped", detail: "", culprit: null });
  }

  dies(exit: HostExit): void {
    this.isDead = true;
    for (const realm of this.realms) if (!realm.isClosed) realm.ends("host");
    this.#exit(exit);
  }
}

export class World {
  readonly clock = new FakeClock();
  readonly bus = new EventBus<CoreEvents>(() => undefined);
  /** What happened, in order: hooks, realms, hosts. */
  readonly events: string[] = [];
  readonly logged: string[] = [];
  readonly announced: string[] = [];
  readonly audited: string[] = [];
  readonly calls: { plugin: string; what: string; args: readonly Json[]; timeoutMs: number }[] = [];
  /** By "PLUGIN HOOK"; what is not in it answers null. */
  readonly answers = new Map<string, (realm: FakeRealm) => Answer>();
  readonly hostsStarted: FakeHost[] = [];
  realmNumbers = 0;
  /** One for each load. */
  readonly capabilitySets: LiveCapabilitySet[] = [];
  refuseOpen: (spec: RealmSpec, host: FakeHost) => GatewayError | null = () => null;
  spawn: (host: FakeHost) => Promise<Result<PluginHost>> = async (host) => ok(host);
  /** A realm closes its database, at this path if it is not null. */
  onRelease: (realm: FakeRealm, path: string | null) => void = () => undefined;
  configProblems: { path: string; message: string }[] = [];
  schema: Json | null = null;
  config: { readonly [key: string]: Json } = {};
  candidates: Candidate[] = [];
  unusable: UnusableFolder[] = [];
  readonly awaiting = new Map<string, AwaitedApproval>();
  readonly decisions = new Map<string, "enabled" | "disabled">();
  readonly disabledByConfig = new Map<string, string>();
  readonly ownHost = new Set<string>();
  readonly builds: string[] = [];
  /** Plugins whose data were brought to where they run. */
  readonly settled: string[] = [];
  autoLoad = true;
  /** The folder of the plugins' databases. */
  databases = "/nowhere";
  databaseOf = (name: string, key: HostKey): string => `${this.databases}/${key.startsWith("isolated:") ? "isolated-" : ""}${name}.db`;
  settleData = (name: string, key: HostKey): void => void this.settled.push(`${name} ${key}`);
  readonly hosts: Hosts;
  #supervisor: Supervisor | null = null;

  constructor() {
    for (const event of ["plugin_started", "plugin_stopped", "plugin_failed"] as const)
      this.bus.on(event, ({ plugin }) => void this.announced.push(`${event} ${plugin}`));
    this.bus.on("alert", ({ code, plugin }) => void this.announced.push(`alert ${code} ${plugin}`));
    this.bus.on("config_changed", ({ plugin, keys }) => void this.announced.push(`config_changed ${plugin} ${keys}`));
    this.hosts = new Hosts({
      clock: this.clock,
      log: this.log,
      spawn: (key) => {
        const host = new FakeHost(this, key, 100 + this.hostsStarted.length);
        this.hostsStarted.push(host);
        this.did(`host ${key} started`);
        return this.spawn(host);
      },
      hasCulprit: (host, exit) => this.supervisor.recovery.hasCulprit(host, exit),
      onExit: (key, host, exit) => this.supervisor.recovery.hostExited(key, host, exit),
    });
  }

  get supervisor(): Supervisor {
    this.#supervisor ??= new Supervisor(this.#deps());
    return this.#supervisor;
  }

  readonly log: Logger = {
    debug: (message, fields) => this.#note("debug", message, fields?.plugin),
    info: (message, fields) => this.#note("info", message, fields?.plugin),
    warn: (message, fields) => this.#note("warn", message, fields?.plugin),
    error: (message, fields) => this.#note("error", message, fields?.plugin),
    child: () => this.log,
  };

  did(what: string): void {
    this.events.push(what);
  }

  /** What happened since the last question. */
  recent(): string[] {
    return this.events.splice(0);
  }

  add(name: string, fields: { readonly [key: string]: Json } = {}): Candidate {
    const candidate = { name, manifest: manifestOf({ name, ...fields }), bundled: false, path: `/plugins/${name}` };
    this.candidates = [...this.candidates.filter((other) => other.name !== name), candidate];
    return candidate;
  }

  /** Every realm from now on fails to open. */
  refuse(error: GatewayError): void {
    this.refuseOpen = () => error;
  }

  /** The schema of every plugin finds this from now on. */
  refuseConfig(path: string, message: string): void {
    this.schema = {};
    this.configProblems = [{ path, message }];
  }

  await(name: string): AwaitedApproval {
    const approval = { state: "awaiting", reason: `${name} asks for more`, added: ["secrets"], removed: [] } as const;
    this.awaiting.set(name, approval);
    return approval;
  }

  plugin(name: string) {
    const plugin = this.supervisor.get(name);
    if (plugin === null) throw new Error(`there is no ${name}`);
    return plugin;
  }

  instance(name: string): Instance {
    const { instance } = this.plugin(name);
    if (instance === null) throw new Error(`${name} has no instance`);
    return instance;
  }

  realm(name: string): FakeRealm {
    const { realm } = this.instance(name);
    if (!(realm instanceof FakeRealm)) throw new Error(`${name} has no realm`);
    return realm;
  }

  host(key: HostKey): FakeHost {
    const host = this.hostsStarted.findLast((each) => each.key === key);
    if (host === undefined) throw new Error(`no host ${key} was started`);
    return host;
  }

  state(name: string): string {
    const { state, reason } = this.plugin(name).status;
    return reason === "" ? state : `${state}: ${reason}`;
  }

  /** Lets what is under way finish, while `ms` pass. */
  async pass(ms = 0): Promise<void> {
    await this.clock.advance(ms);
    await settle();
  }

  #note(level: string, message: string, plugin: string | undefined): void {
    this.logged.push(`${level} ${plugin ?? "-"} ${message}`);
  }

  #deps(): SupervisorDeps {
    return {
      clock: this.clock,
      random: fakeRandom(),
      log: this.log,
      bus: this.bus,
      hosts: this.hosts,
      answerCapabilityCall: async (instance, request) => {
        const added = instance.registrations.add(request.args as unknown as CheckedRegistration, { mayOverride: false });
        return added.ok ? { ok: true, value: null } : { ok: false, error: { name: "Error", message: added.error.message } };
      },
      registrarOf: (kind) => ({
        check: () => ok(null),
        add: (plugin, handle) => {
          this.did(`${plugin} ${kind} ${handle} added`);
          return ok(null);
        },
        remove: (plugin, handle) => this.did(`${plugin} ${kind} ${handle} removed`),
      }),
      approvals: {
        hash: (candidate) => `hash-${candidate.manifest.version}`,
        judge: (candidate) =>
          this.awaiting.get(`${candidate.name} ${candidate.manifest.version}`) ??
          this.awaiting.get(candidate.name) ?? { state: "accepted" },
        accept: (candidate, by) => {
          this.awaiting.delete(candidate.name);
          this.awaiting.delete(`${candidate.name} ${candidate.manifest.version}`);
          this.did(`${by} accepted ${candidate.name} ${candidate.manifest.version}`);
          return ok(null);
        },
        open: (candidate) => {
          const { capabilitySet } = grantedSet(["send_messages"], candidate.name);
          this.capabilitySets.push(capabilitySet);
          return capabilitySet;
        },
      },
      decisions: {
        get: (name) => this.decisions.get(name) ?? null,
        set: (name, decision) => void this.decisions.set(name, decision),
        forget: (name) => void this.decisions.delete(name),
      },
      disabledByConfig: (name) => this.disabledByConfig.get(name) ?? null,
      discover: async () => ({ candidates: this.candidates, unusable: this.unusable }),
      order: (candidates) => {
        const plan = planStart(
          candidates.map(({ manifest }) => ({ manifest, packageVersion: () => null })),
          "1.0.0",
        );
        return { order: plan.order, unmet: new Map([...plan.blocked].map(([name, problems]) => [name, problems.map(({ line }) => line)])) };
      },
      wantsOwnHost: ({ name }) => this.ownHost.has(name),
      healthLimits: () => HEALTH,
      isStrict: true,
      autoLoad: () => this.autoLoad,
      audit: (plugin, event) => void this.audited.push(`${plugin} ${event}`),
      build: async ({ name, manifest }) => {
        this.builds.push(`${name} ${manifest.version}`);
        return this.candidates.some((each) => each.name === name)
          ? ok({ code: "", hash: manifest.version, mapStack: (stack) => stack })
          : fail("load_failed", "its folder is gone");
      },
      schemaOf: async () => ok(this.schema),
      configOf: () => this.config,
      changedKeys: (before, after) => Object.keys({ ...before, ...after }).filter((key) => before[key] !== after[key]),
      limitsOf: () => ({ memoryMb: 8, sliceMs: 100, timeoutS: 7, storageMb: 1 }),
      databaseOf: (name, key) => this.databaseOf(name, key),
      settleData: (name, key) => this.settleData(name, key),
      gatewayVersion: "1.0.0",
      language: () => "en",
    };
  }
}
