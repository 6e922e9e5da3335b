/**
 * Several whole gateways on one air with hundreds of nodes, for hours of virtual time: nodes ask and announce, operators
 * write, packets are lost, radios restart. What became of every message is counted, and checked against the air.
 */
import { rmSync } from "node:fs";
import { Gateway } from "../../src/gateway/composition-root.ts";
import { prepareSimulated } from "../../src/gateway/context/simulated.ts";
import { createLog } from "../../src/log/log.ts";
import { BROADCAST, formatNodeId } from "../../src/mesh/ids.ts";
import { advance } from "../../src/mesh/outbox/message/states.ts";
import type { MessageStatus } from "../../src/mesh/outgoing.ts";
import { SimulatedAir } from "../../src/mesh/simulator/air.ts";
import { ANNOUNCEMENTS } from "../../src/mesh/simulator/answers.ts";
import type { SimulatedMesh } from "../../src/mesh/simulator/mesh.ts";
import { FakeClock, fakeRandom } from "../fake-clock.ts";

export interface ScenarioOptions {
  readonly hours: number;
  readonly nodes: number;
  /** Each transmission is lost with this probability. */
  readonly loss: number;
  /** Restarts of radios, spread over the time and the gateways. */
  readonly reboots: number;
  readonly gateways: number;
  readonly seed: number;
}

export const KINDS = ["answer, direct", "answer on a channel", "operator's, direct", "operator's, to all"] as const;
export type Kind = (typeof KINDS)[number];

/** What became of the messages of one kind that a gateway sent. */
export interface Sent {
  queued: number;
  delivered: number;
  /** Broadcasts, final. */
  sent: number;
  readonly failed: Map<string, number>;
  /** Without an end. */
  open: number;
}

/** What became of the texts that nodes wrote to a gateway. */
export interface Asked {
  said: number;
  /** Not received by its radio. */
  lost: number;
  received: number;
  readonly outcomes: Map<string, number>;
}

export interface Station {
  readonly name: string;
  readonly sent: ReadonlyMap<Kind, Sent>;
  readonly asked: Asked;
}

export interface Report {
  readonly stations: readonly Station[];
  readonly packets: number;
  /** Each is a message and what is wrong with it; none: every message is accounted for. */
  readonly wrong: readonly string[];
}

const FIRST_OWN = 1_001;
const CHANNEL = 0;
const STEP_MS = 1_000;
/** Long enough for the deadline of every message. */
const AFTER_MS = 75 * 60_000;
const ACTOR = { via: "api", address: "scenario" } as const;

/** One gateway with its radio, and everything it said. */
class Post {
  readonly statuses = new Map<string, MessageStatus>();
  readonly wrong: string[] = [];
  readonly asked: Asked = { said: 0, lost: 0, received: 0, outcomes: new Map() };
  /** Packet ids that some node received. */
  readonly onAir = new Set<number>();
  /** By packet id: who received it. */
  readonly heardBy = new Map<number, Set<number>>();
  readonly #awaited = new Set<number>();
  readonly #unanswered = new Set<string>();

  constructor(
    readonly name: string,
    readonly own: number,
    readonly gateway: Gateway,
    readonly mesh: SimulatedMesh,
    readonly folder: string,
  ) {
    gateway.bus.on("message_status", (status) => this.#follow(status));
    gateway.bus.on("message_received", ({ kind, packetId, correlationId }) => {
      if (kind !== "text" || !this.#awaited.delete(packetId)) return;
      this.asked.received++;
      this.#unanswered.add(correlationId);
    });
    gateway.bus.on("message_processed", ({ correlationId, outcome }) => {
      if (this.#unanswered.delete(correlationId)) count(this.asked.outcomes, outcome);
    });
    mesh.onHeard(({ packetId, heardBy }) => {
      this.onAir.add(packetId);
      const all = this.heardBy.get(packetId) ?? new Set();
      for (const node of heardBy) all.add(node);
      this.heardBy.set(packetId, all);
    });
  }

  /** A node has written to it; its radio may or may not hear that. */
  expect(packetId: number): void {
    this.asked.said++;
    this.#awaited.add(packetId);
  }

  /** Its operator writes. What is refused is told as wrong: nothing here is too much. */
  write(message: { readonly text: string; readonly destination?: string }): void {
    // Not awaited: it is stored with the next commit, for which the clock must go on.
    Promise.resolve(this.gateway.control?.messages.send(message, ACTOR)).then(
      (sent) => void (sent?.ok === true || this.wrong.push(`refused: ${sent?.error.summary()}`)),
      (thrown: unknown) => void this.wrong.push(`sending threw: ${thrown}`),
    );
  }

  #follow(status: MessageStatus): void {
    const before = this.statuses.get(status.id);
    this.statuses.set(status.id, status);
    if (before === undefined || before.state === status.state) return;
    if (advance(before.state, status.state) !== status.state) this.wrong.push(`${status.id} went from ${before.state} to ${status.state}`);
    if (before.final && status.note === undefined) this.wrong.push(`${status.id} changed after its end`);
  }

  station(): Station {
    const sent = new Map(KINDS.map((kind) => [kind, { queued: 0, delivered: 0, sent: 0, failed: new Map(), open: 0 } as Sent]));
    for (const status of this.statuses.values()) {
      const row = sent.get(kindOf(status));
      if (row !== undefined) this.#account(row, status);
    }
    this.asked.lost = this.#awaited.size;
    for (const correlationId of this.#unanswered) this.wrong.push(`${correlationId} was received, and nothing came of it`);
    return { name: this.name, sent, asked: this.asked };
  }

  #account(row: Sent, status: MessageStatus): void {
    const { id, state, final, to, packets, parts } = status;
    row.queued++;
    if (!final) row.open++;
    else if (state === "failed") count(row.failed, status.reason ?? "without a reason");
    else if (state === "delivered") row.delivered++;
    else if (to === BROADCAST) row.sent++;
    else row.open++;
    if (!final || (state !== "delivered" && state !== "failed" && to !== BROADCAST)) this.wrong.push(`${id} ended as ${state}`);
    const aired = packets.filter((packet) => this.onAir.has(packet));
    if (aired.length > parts) this.wrong.push(`${id} went on the air under ${aired.length} ids for ${parts} parts`);
    const arrived = packets.filter((packet) => this.heardBy.get(packet)?.has(to)).length;
    if (state === "delivered" && arrived < parts) this.wrong.push(`${id} is called delivered: ${arrived} of ${parts} parts arrived`);
  }
}

function kindOf({ to, sender }: MessageStatus): Kind {
  if (sender.kind === "operator") return to === BROADCAST ? "operator's, to all" : "operator's, direct";
  return to === BROADCAST ? "answer on a channel" : "answer, direct";
}

function count(counts: Map<string, number>, what: string): void {
  counts.set(what, (counts.get(what) ?? 0) + 1);
}

/** Never rejects for what the gateways do; throws when one does not start. */
export async function runScenario(options: ScenarioOptions, tell: (line: string) => void = () => {}): Promise<Report> {
  const clock = new FakeClock();
  const random = fakeRandom(options.seed);
  const air = new SimulatedAir();
  const posts: Post[] = [];
  try {
    for (let i = 0; i < options.gateways; i++) posts.push(await start(i, { options, clock, air }));
    await live(options, { clock, random, posts, tell });
    const stations = posts.map((post) => post.station());
    const packets = posts.reduce((sum, { mesh }) => sum + mesh.counters.accepted, 0);
    return { stations, packets, wrong: posts.flatMap(({ name, wrong }) => wrong.map((what) => `${name}: ${what}`)) };
  } finally {
    for (const { gateway, folder } of posts) {
      const stopped = gateway.stop();
      // Its parts end one after the other, each with a deadline of its own.
      for (let second = 0; second < 30; second++) await clock.advance(1_000);
      await stopped;
      rmSync(folder, { recursive: true, force: true });
    }
  }
}

interface Place {
  readonly options: ScenarioOptions;
  readonly clock: FakeClock;
  readonly air: SimulatedAir;
}

async function start(index: number, { options, clock, air }: Place): Promise<Post> {
  const own = FIRST_OWN + index;
  const peers = Array.from({ length: options.gateways }, (_, i) => formatNodeId(FIRST_OWN + i)).filter((id) => id !== formatNodeId(own));
  const settings = { mesh: { text_spacing_s: 2.5 }, commands: { peers, sender_rate: "12/min" }, operators: [formatNodeId(2)] };
  const prepared = prepareSimulated("radio", { ...settings, log: { level: "error" } });
  if (!prepared.ok) throw new TypeError(JSON.stringify(prepared.error));
  const { loaded, chosen, folder } = prepared.value;
  const nodes = Array.from({ length: options.nodes }, (_, i) => nodeOf(i, index));
  const gateway = new Gateway({
    loaded,
    chosen,
    clock,
    random: fakeRandom(options.seed * 100 + own),
    log: createLog(loaded.config.log, { clock, console: null }),
    allowAll: false,
    safe: false,
    overrides: { api: false, bundled: [], mesh: (mesh) => ({ ...mesh, air, ownNumber: own, nodes, airtimeMs: "lora" }) },
  });
  const started = gateway.start();
  await clock.advance(5_000);
  const result = await started;
  if (!result.ok) throw result.error;
  const [mesh] = gateway.meshes;
  if (mesh === undefined) throw new TypeError("a gateway without its radio");
  mesh.fail({ kind: "loss", fraction: options.loss });
  return new Post(`gateway ${index + 1}`, own, gateway, mesh, folder);
}

/** Some are far away, some out of reach, and some have a key that the radios do not know; each gateway hears them in its own way. */
function nodeOf(i: number, gateway: number) {
  return { number: i + 2, hops: i % 4, snr: 6 - ((i + gateway * 7) % 12), online: i % 20 !== 7, hasKey: i % 33 !== 5 };
}

interface Life {
  readonly clock: FakeClock;
  readonly random: ReturnType<typeof fakeRandom>;
  readonly posts: readonly Post[];
  readonly tell: (line: string) => void;
}

async function live(options: ScenarioOptions, life: Life): Promise<void> {
  const { clock, posts, tell } = life;
  const endMs = options.hours * 3_600_000;
  const rebootEvery = endMs / (options.reboots + 1);
  let reboots = 0;
  for (let at = 0; at < endMs; at += STEP_MS) {
    if (reboots < options.reboots && at >= rebootEvery * (reboots + 1)) {
      const post = posts[reboots % posts.length];
      post?.mesh.fail({ kind: "reboot", ms: 20_000 });
      tell(`${Math.round(at / 60_000)} min: the radio of ${post?.name} restarts`);
      reboots++;
    }
    second(options, life);
    await clock.advance(STEP_MS);
  }
  tell("no more messages are written");
  for (let at = 0; at < AFTER_MS; at += 60_000) await clock.advance(60_000);
}

/** What happens in one second, on average: a node asks each 20 s, one announces each 4 s, an operator writes each 40 s. */
function second({ nodes }: ScenarioOptions, { random, posts }: Life): void {
  const chance = () => random.fraction();
  const node = () => 2 + Math.floor(chance() * nodes);
  const post = posts[Math.floor(chance() * posts.length)];
  const [first] = posts;
  if (post === undefined || first === undefined) return;
  if (chance() < 1 / 4) first.mesh.announce(node(), ANNOUNCEMENTS[Math.floor(chance() * ANNOUNCEMENTS.length)] ?? "telemetry");
  if (chance() < 1 / 20) ask(node(), chance() < 0.7 ? [post] : posts, chance() < 0.9 ? "help" : "what is this?");
  if (chance() < 1 / 40) {
    const destination = chance() < 0.3 ? {} : { destination: formatNodeId(node()) };
    const text = chance() < 0.2 ? `a long message of the operator, ${"word ".repeat(70)}` : "a message of the operator";
    post.write({ text, ...destination });
  }
}

/** One gateway is asked directly; several on a channel, and one of them answers. */
function ask(from: number, posts: readonly Post[], text: string): void {
  const [first] = posts;
  if (first === undefined) return;
  const said =
    posts.length === 1 ? first.mesh.say({ from, to: first.own, text }) : first.mesh.say({ from, channel: CHANNEL, text: `!${text}` });
  if (said.ok) for (const post of posts) post.expect(said.value);
}
