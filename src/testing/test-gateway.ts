/** A whole gateway inside a test: the real one, in which the test replaces only the clock, the mesh, the internet and (by default) the host process. */
import { rmSync } from "node:fs";
import type { Control } from "../api/contract/control.ts";
import { type Clock, type Random, systemClock, systemRandom } from "../clock.ts";
import { GatewayError } from "../errors.ts";
import { Gateway } from "../gateway/composition-root.ts";
import { FIRST_NODE } from "../gateway/context/simulated.ts";
import type { Json } from "../json.ts";
import type { LogLine } from "../log/line.ts";
import { createLog, type Log } from "../log/log.ts";
import type { LinkStatus } from "../mesh/link-status.ts";
import type { SimulatedMesh } from "../mesh/simulator/mesh.ts";
import { saveCoverage } from "./coverage.ts";
import { explain } from "./explain.ts";
import { type TestHost, testOverrides } from "./overrides.ts";
import { TestPlugin } from "./plugin.ts";
import { prepare, type Setup, type TestOptions } from "./setup.ts";
import { FakeClock, fakeRandom, msOf, type Span } from "./world/clock.ts";
import { type Failure, faultOf } from "./world/failure.ts";
import { TestHttp } from "./world/http.ts";
import { type NodeOptions, TestNode } from "./world/nodes.ts";
import { Pace } from "./world/pace.ts";
import { hubOf, type TestSite } from "./world/region.ts";
import { type Denial, Outgoing, type SentMessage } from "./world/sent.ts";
import { Stored } from "./world/stored.ts";

const START = "2026-01-05T12:00:00Z";

export type LogEntry = LogLine;

/**
 * Starts a gateway with the plugin under test. Close it with `await using`, or by {@link TestGateway.close}.
 * @example
 * test("says hello", async () => {
 *   await using gateway = await startTestGateway({ plugin: `${import.meta.dir}/..` });
 *   expect(await gateway.node("Alice").says("hello")).toEqual(["Hello Alice!"]);
 * });
 */
export async function startTestGateway(options: TestOptions): Promise<TestGateway> {
  const gateway = new TestGateway(options, prepare(options));
  try {
    await gateway.open();
    return gateway;
  } catch (thrown) {
    await gateway.close();
    throw thrown;
  }
}

export class TestGateway {
  /** The internet, as the test answers it. */
  readonly http: TestHttp;
  /** Every decision against a plugin, oldest first. */
  readonly denied: Denial[] = [];
  /** Alerts to the operator, oldest first. */
  readonly alerts: { readonly code: string; readonly message: string }[] = [];
  readonly #clock: Clock;
  readonly #virtual: FakeClock | null;
  readonly #random: Random;
  readonly #pace: Pace;
  readonly #outgoing: Outgoing;
  readonly #nodes = new Map<string, TestNode>();
  readonly #plugins = new Map<string, TestPlugin>();
  readonly #logs: LogLine[] = [];
  readonly #log: Log;
  readonly #hosts: TestHost[] = [];
  #running: Gateway | null = null;
  #talks = 0;
  readonly #site: TestSite | null;

  /** For {@link startTestGateway}. */
  constructor(
    private readonly options: TestOptions,
    private readonly setup: Setup,
  ) {
    const start = new Date(options.now ?? START).getTime();
    this.#virtual = options.realHost === true ? null : new FakeClock(start);
    this.#clock = this.#virtual ?? systemClock;
    this.#random = this.#virtual === null ? systemRandom : fakeRandom(options.seed ?? 1);
    this.http = new TestHttp(this.#clock);
    options.http?.(this.http);
    this.#outgoing = new Outgoing((number) => [...this.#nodes.values()].find((node) => node.number === number)?.name ?? String(number));
    this.#pace = new Pace({
      clock: this.#virtual,
      busy: () => this.http.busy || this.#hosts.some((host) => host.busy === true),
      unfinished: () => this.#unfinished(),
      // The host checks uses of the database, and reports them only now and then.
      rested: () => {
        for (const host of this.#hosts) host.tell?.();
      },
    });
    this.#log = createLog(setup.loaded.config.log, { clock: this.#clock, console: null });
    this.#log.book.follow({}, (line) => this.#logs.push(line));
    for (const node of setup.nodes) this.#addNode(node);
    this.#site = options.region === undefined ? null : hubOf(options.region).add(options.site ?? "here", this);
  }

  /** The plugin under test; the first, where there are several. */
  get plugin(): TestPlugin {
    return this.pluginNamed(this.setup.plugins[0] ?? "");
  }

  pluginNamed(name: string): TestPlugin {
    const known = this.#plugins.get(name);
    if (known !== undefined) return known;
    const stored = new Stored({
      plugin: name,
      dataDir: this.setup.loaded.config.data_dir,
      host: () => this.#hosts.at(-1) ?? null,
      now: () => this.#clock.now(),
    });
    const plugin = new TestPlugin(name, {
      stored,
      control: () => this.#control,
      known: () => this.#running?.plugins.find((each) => each.name === name),
      drive: (work) => this.#pace.drive(work),
    });
    this.#plugins.set(name, plugin);
    return plugin;
  }

  /** A node by name; a new name joins the mesh. */
  node(name: string): TestNode {
    const known = this.#nodes.get(name);
    if (known !== undefined) return known;
    const node = this.#addNode({ name });
    this.mesh.setNode({ number: node.number, longName: name });
    this.mesh.announce(node.number, "node_info");
    return node;
  }

  /** What was sent, replies included, in the order of queueing, each with its newest state. */
  get sent(): readonly SentMessage[] {
    return this.#outgoing.list();
  }

  /** The whole log, the gateway's own lines and the plugins', from `debug` on. */
  get logs(): readonly LogEntry[] {
    return this.#logs;
  }

  /** Wall clock of the gateway. */
  get now(): Date {
    return new Date(this.#clock.now());
  }

  /** The control API: everything that an operator can do and query. */
  get control(): Control {
    return this.#control;
  }

  /** The simulated meshes in the order of `mesh.interfaces`, where the `settings` of a test name several links. */
  get meshes(): readonly SimulatedMesh[] {
    return this.#running?.meshes ?? [];
  }

  /** The simulated mesh itself, for failures that have no method here. */
  get mesh(): SimulatedMesh {
    const [mesh] = this.#running?.meshes ?? [];
    if (mesh === undefined) throw new GatewayError("unavailable", "the test's gateway is closed");
    return mesh;
  }

  /** Shorthand for the plugin under test; see {@link TestPlugin.stored}. */
  stored(key: string): Promise<Json | undefined> {
    return this.plugin.stored(key);
  }

  /** Shorthand for the plugin under test; see {@link TestPlugin.grant}. */
  grant(...permission: Parameters<TestPlugin["grant"]>): Promise<void> {
    return this.plugin.grant(...permission);
  }

  /** Shorthand for the plugin under test; see {@link TestPlugin.revoke}. */
  revoke(...permission: Parameters<TestPlugin["revoke"]>): Promise<void> {
    return this.plugin.revoke(...permission);
  }

  /**
   * Moves the clock on: timers, schedules, retries and expiries happen as they would, and the test does not wait for them.
   * @example await gateway.advance({ minutes: 5 });
   */
  async advance(span: Span): Promise<void> {
    await this.#pace.advance(msOf(span));
  }

  /** Waits until everything that was begun has ended; `says` and `advance` do so themselves. */
  async quiet(): Promise<void> {
    await this.#pace.quiet();
  }

  /** Sets the wall clock alone; timers and intervals use the monotonic clock. */
  setClock(to: string | Date): void {
    if (this.#virtual === null) throw new GatewayError("invalid_argument", "with realHost the gateway has the machine's clock");
    this.#virtual.jumpWall(new Date(to).getTime() - this.#virtual.now());
  }

  /**
   * The transmission of the next `count` messages fails.
   * @example gateway.failNext("nak"); await alice.says("hello"); expect(gateway.sent.at(-1)?.state).toBe("failed");
   */
  failNext(failure: Failure, count = 1): void {
    this.mesh.fail(faultOf(failure, count));
  }

  /** Takes the radio away until {@link linkUp}: messages that are sent meanwhile wait. */
  async linkDown(): Promise<void> {
    this.mesh.fail({ kind: "reboot", ms: Number.MAX_SAFE_INTEGER });
    await this.#pace.settle();
  }

  /** Brings the radio back and ends every other failure; resolves when the gateway is connected. */
  async linkUp(): Promise<void> {
    this.mesh.fail({ kind: "resume" });
    await this.#untilLinked();
    await this.#pace.quiet();
  }

  /** Kills the plugin host; resolves when the plugins run again or have failed for good. */
  async killHost(): Promise<void> {
    const host = this.#hosts.at(-1);
    if (host?.crash !== undefined) host.crash("killed by the test");
    else if (host?.pid !== null && host?.pid !== undefined) process.kill(host.pid, "SIGKILL");
    if (host !== undefined) await this.#pace.drive(host.exited);
    await this.#pace.settle();
    const returning = ["loading", "backing_off", "stopping"];
    await this.#pace.until(() => (this.#running?.plugins ?? []).every((plugin) => !returning.includes(plugin.state)));
  }

  /** Stops the gateway, lets `away` pass, and starts it again on the same data. */
  async restart(away: Span = {}): Promise<void> {
    await this.#stop();
    if (this.#virtual !== null) await this.#virtual.advance(msOf(away), async () => {});
    await this.open();
  }

  /** Stops everything and removes the data. Idempotent. */
  async close(): Promise<void> {
    await this.#stop();
    saveCoverage();
    this.#log.stop();
    rmSync(this.setup.folder, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** `what`, and below it what the gateway knows: for the message of a failed test. */
  explain(what: string): string {
    return explain(what, {
      plugins: this.setup.plugins.map((name) => this.pluginNamed(name)),
      sent: this.sent,
      denied: this.denied,
      unanswered: this.http.unanswered,
      logs: this.#logs,
    });
  }

  /** For {@link startTestGateway}. */
  async open(): Promise<void> {
    const gateway = new Gateway({
      loaded: this.setup.loaded,
      chosen: this.setup.chosen,
      log: this.#log,
      clock: this.#clock,
      random: this.#random,
      allowAll: false,
      safe: false,
      overrides: this.#overrides(),
    });
    this.#running = gateway;
    this.#talks = 0;
    this.#outgoing.watch(gateway.bus);
    gateway.bus.on("message_received", () => void this.#talks++);
    gateway.bus.on("message_processed", () => void this.#talks--);
    gateway.bus.on("alert", ({ code, message }) => void this.alerts.push({ code, message }));
    const started = await this.#pace.drive(gateway.start());
    if (!started.ok) throw started.error;
    this.mesh.onHeard((text) => {
      for (const node of this.#nodes.values()) node.take(text);
    });
    await this.#untilLinked();
    await this.#entitle();
    await this.#pace.quiet();
    for (const name of this.setup.plugins) this.#demandRunning(this.pluginNamed(name));
  }

  get #control(): Control {
    const control = this.#running?.control ?? null;
    if (control === null) throw new GatewayError("unavailable", "the test's gateway is closed");
    return control;
  }

  /** Applies the operator's grants and secrets, then starts the plugins. */
  async #entitle(): Promise<void> {
    const { grant = "all", secrets = {} } = this.options;
    for (const [name, value] of Object.entries(secrets)) await this.plugin.setSecret(name, value);
    if (grant === "all") return;
    await this.plugin.revoke();
    for (const entry of grant) await this.plugin.grant(entry);
    for (const name of this.setup.plugins) {
      // A plugin that fails has it in its state, which the caller checks next.
      await this.#pace.drive(Promise.resolve(this.#control.plugins.enable(name, undefined, { via: "api", address: "test" })));
    }
  }

  #demandRunning(plugin: TestPlugin): void {
    if (plugin.state === "running" || this.options.mayFail === true) return;
    const reason = plugin.state === "discovered" ? "it was not found; see the log" : plugin.reason;
    throw new GatewayError("plugin_failed", this.explain(`${plugin.name} does not run, it is ${plugin.state}: ${reason}`));
  }

  async #untilLinked(): Promise<void> {
    const links = () => this.#control.status().links as readonly LinkStatus[];
    if (await this.#pace.until(() => links().every((link) => link.state === "up"))) return;
    throw new GatewayError("link_down", this.explain("the gateway did not find its radio."));
  }

  async #stop(): Promise<void> {
    const gateway = this.#running;
    this.#running = null;
    if (gateway !== null) await this.#pace.drive(gateway.stop());
    this.#hosts.length = 0;
  }

  #unfinished(): boolean {
    const calls = this.#running?.plugins.some((plugin) => (plugin.instance?.inFlight ?? 0) > 0) === true;
    return calls || this.#talks > 0 || this.#outgoing.waiting;
  }

  #addNode(options: NodeOptions): TestNode {
    const node = new TestNode(options.name, FIRST_NODE + this.#nodes.size, {
      mesh: () => this.mesh,
      quiet: () => this.#pace.quiet(),
      explain: (what) => this.explain(what),
    });
    this.#nodes.set(options.name, node);
    return node;
  }

  #overrides() {
    return testOverrides({
      setup: this.setup,
      clock: this.#clock,
      random: this.#random,
      log: this.#log.logger.child("sandbox"),
      http: this.http,
      realHost: this.#virtual === null,
      nodes: () => [...this.#nodes.values()],
      spawned: (host) => void this.#hosts.push(host),
      site: this.#site,
      denied: (denial) => void this.denied.push(denial),
    });
  }
}
