import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemRandom } from "../../src/clock.ts";
import { fail, ok, type Result } from "../../src/errors.ts";
import { type Handle, handleNumber } from "../../src/ids.ts";
import type { Json } from "../../src/json.ts";
import { type Logger, silentLogger } from "../../src/log/logger.ts";
import { Emergencies } from "../../src/mesh/emergency/emergencies.ts";
import { BROADCAST, parseNodeId } from "../../src/mesh/ids.ts";
import { Intake } from "../../src/mesh/intake/intake.ts";
import { LoopGuard } from "../../src/mesh/intake/loop-guard.ts";
import { SEEN_SCHEMA } from "../../src/mesh/intake/seen-packets.ts";
import type { TextMessage } from "../../src/mesh/message.ts";
import type { MeshNode } from "../../src/mesh/node.ts";
import type { OutboxRequest, Reply } from "../../src/mesh/outgoing.ts";
import { DIALOGUES_SCHEMA } from "../../src/router/dialogues.ts";
import { Registry } from "../../src/router/match/registry.ts";
import type { HandlerCall, HandlerOutcome, MenuAnswer } from "../../src/router/ports.ts";
import { Router } from "../../src/router/router.ts";
import type { RouterDeps, RouterSettings } from "../../src/router/router-deps.ts";
import type { CoreDatabase } from "../../src/storage/core.ts";
import { openCoreDatabase } from "../../src/storage/core-open.ts";
import { gatewayTexts } from "../../src/texts/texts.ts";
import { FakeClock } from "../fake-clock.ts";

export const OWN = 0x0a0a0a0a;
export const ALICE = 2;
export const BOB = 3;
export const OPERATOR = "!0000000f";

export type Call = HandlerCall;
type Handler = (call: Call) => Json | Promise<Json> | Promise<HandlerOutcome>;

export const SETTINGS: RouterSettings = {
  prefix: "!",
  direct_prefix: "",
  channels: "all",
  channel_replies: "channel",
  admin_commands: "encrypted",
  peers: [],
  peer_slot_s: 3,
  sender_rate: "1000/s",
};

/** What the gate before the router keeps out. */
interface GateSettings {
  readonly ban: readonly number[];
  readonly ignore_channels: readonly (number | string)[];
  readonly direct_only: boolean;
}

/** A router behind a real intake and emergency room. */
export class RouterBench {
  readonly clock = new FakeClock();
  readonly replies: Reply[] = [];
  readonly suppressed: string[] = [];
  readonly calls: Call[] = [];
  readonly events: { processed: unknown[]; received: unknown[]; alerts: { code: string; message: string }[] } = {
    processed: [],
    received: [],
    alerts: [],
  };
  readonly logged: { message: string; fields: unknown }[] = [];
  readonly sessions = new Map<string, { readonly [key: string]: Json }>();
  readonly nodes = new Map<number, Partial<MeshNode>>([[ALICE, { longName: "Alice", shortName: "AL" }]]);
  readonly deaf = new Set<string>();
  readonly mute = new Set<string>();
  /** Commands whose plugins are starting, and when they have. */
  readonly starting = new Map<string, Promise<void>>();
  readonly router: Router;
  readonly intake: Intake;
  /** What the emergency room sent. */
  readonly urgent: OutboxRequest[] = [];
  readonly database: CoreDatabase;
  language = "en";
  menu: (text: string) => MenuAnswer = () => ({ kind: "not_ours" });
  /** The folders that plugins run from. */
  readonly places = new Map<string, string>();
  #handlers = new Map<number, Handler>();
  #handles = 0;
  #packets = 100;

  constructor(
    settings: Partial<RouterSettings & GateSettings> = {},
    operators: readonly string[] = [OPERATOR],
    readonly folder = mkdtempSync(join(tmpdir(), "zephyrgate-router-")),
  ) {
    const opened = openCoreDatabase(join(folder, "gateway.db"), [SEEN_SCHEMA, DIALOGUES_SCHEMA], { clock: this.clock, log: silentLogger });
    if (!opened.ok) throw opened.error;
    this.database = opened.value;
    const note = (message: string, fields: unknown) => void this.logged.push({ message, fields });
    const log: Logger = { debug: note, info: note, warn: note, error: note, child: () => log };
    const deps: RouterDeps = {
      clock: this.clock,
      random: systemRandom,
      log,
      database: this.database,
      settings: { ...SETTINGS, ...settings },
      registry: new Registry("!"),
      operators,
      handlers: {
        invoke: (call) => this.#invoke(call),
        timeoutOf: () => 10_000,
        starting: (command) => this.starting.get(command) ?? null,
        mayHear: (plugin) => !this.deaf.has(plugin),
        placeOf: (plugin) => this.places.get(plugin) ?? "",
        keyOf: (_, handle) => String(handle),
        handleOf: (_, key) => (this.#handlers.has(Number(key)) ? handleNumber(Number(key)) : null),
      },
      menu: { handle: ({ text }) => this.menu(text), openByItem: () => ({ kind: "not_ours" }) },
      sessions: {
        get: (node, plugin) => this.sessions.get(`${node} ${plugin}`) ?? {},
        set: (node, plugin, data): Result<null> => {
          this.sessions.set(`${node} ${plugin}`, data);
          return ok(null);
        },
      },
      nodes: {
        get: (node) => (this.nodes.has(node) ? ({ number: node, ...this.nodes.get(node) } as MeshNode) : null),
        channelName: (_, index) => (index === 4 ? "chat" : ""),
        ownNode: () => OWN,
      },
      reply: (reply) => {
        if (reply.plugin !== null && this.mute.has(reply.plugin)) return fail("permission_denied", "no send_messages");
        this.replies.push(reply);
        return ok(null);
      },
      say: gatewayTexts(() => this.language),
      processed: (event) => void this.events.processed.push(event),
      suppressed: ({ plugin, reason }) => void this.suppressed.push(`${plugin ?? "gateway"}: ${reason}`),
    };
    this.router = new Router(deps);
    this.intake = this.#makeIntake({ ban: [], ignore_channels: [], direct_only: false, ...settings }, operators, log);
  }

  #makeIntake(policy: GateSettings, operators: readonly string[], log: Logger): Intake {
    const { clock, database } = this;
    const emergencies = new Emergencies({
      clock,
      log,
      prefixes: ["!", ""],
      operators: () => operators.map((id) => parseNodeId(id) ?? 0),
      channels: () => [],
      links: () => ["base"],
      node: (node) => (this.nodes.has(node) ? ({ number: node, ...this.nodes.get(node) } as MeshNode) : null),
      alert: (event) => void this.events.alerts.push(event),
      status: () => null,
      isAnswerable: () => false,
      isAboutCase: () => false,
      say: gatewayTexts(() => "en"),
      records: { save: () => undefined, recent: () => [] },
      send: (request) => {
        this.urgent.push(request);
        return ok({ id: `m_${this.urgent.length}` });
      },
    });
    return new Intake({
      database,
      policy: () => policy,
      emergencies,
      loops: new LoopGuard({ clock, log, prefix: "!", peers: [] }),
      isOwn: (node) => node === OWN,
      channelName: (_, index) => (index === 4 ? "chat" : ""),
      accept: (admitted) => {
        this.events.received.push(admitted.message);
        this.router.handle(admitted);
      },
    });
  }

  /** Registers and returns the handle. */
  on(plugin: string, registration: { kind: string; [key: string]: unknown }, handler: Handler, mayOverride = false): Handle {
    const handle = handleNumber(++this.#handles);
    const added = this.router.registry.add(plugin, handle, registration, { mayOverride });
    if (!added.ok) throw added.error;
    this.#handlers.set(handle, handler);
    return handle;
  }
  command(plugin: string, name: string, handler: Handler, more: { [key: string]: unknown } = {}): Handle {
    return this.on(plugin, { kind: "command", name, ...more }, handler, true);
  }

  message(text: string, change: Partial<TextMessage> = {}): TextMessage {
    this.#packets++;
    return {
      kind: "text",
      correlationId: `c_${this.#packets}`,
      link: "base",
      packetId: this.#packets,
      from: ALICE,
      to: OWN,
      channel: 0,
      isDirect: true,
      receivedAt: this.clock.now(),
      pkiEncrypted: false,
      viaMqtt: false,
      text,
      isReaction: false,
      ...change,
    };
  }

  /** What is answered to a text, and where. */
  async say(text: string, change: Partial<TextMessage> = {}): Promise<string[]> {
    const before = this.replies.length;
    this.intake.receive(this.message(text, change));
    await this.router.idle();
    return this.replies.slice(before).map((reply) => reply.text);
  }
  onChannel(text: string, channel = 1, change: Partial<TextMessage> = {}): Promise<string[]> {
    return this.say(text, { isDirect: false, to: BROADCAST, channel, ...change });
  }

  async close(): Promise<void> {
    const stopped = this.router.stop();
    await this.clock.advance(3_000);
    await stopped;
    this.database.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #invoke(call: Call): Promise<HandlerOutcome> {
    this.calls.push(call);
    try {
      const value = await this.#handlers.get(call.handle)?.(call);
      return typeof value === "object" && value !== null && "ok" in value
        ? (value as HandlerOutcome)
        : { ok: true, value: (value ?? null) as Json };
    } catch {
      return { ok: false, cause: "threw" }; // the plugins room logs it
    }
  }
}
