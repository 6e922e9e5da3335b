import type { Clock, Timer } from "../../clock.ts";
import { fail, ok, type Result } from "../../errors.ts";
import type { CoreEvents, EventName } from "../../events/core.ts";
import { copyJson } from "../../json-reader.ts";
import type { Subscription } from "../../lifetime.ts";
import { escapeJson } from "../../log/escape.ts";
import type { LogLevel } from "../../log/logger.ts";
import { roundPositions } from "../access/positions.ts";
import type { Control } from "../contract/control.ts";
import { toEvent } from "../contract/mesh-views.ts";
import type { Role } from "../contract/roles.ts";
import { Replay, type SentEvent } from "./replay.ts";

export const EVENT_NAMES = [
  "message_received",
  "message_processed",
  "message_status",
  "reply_suppressed",
  "node_seen",
  "link_state",
  "plugin_started",
  "plugin_stopped",
  "plugin_failed",
  "plugin_event",
  "permission_requested",
  "permission_changed",
  "config_changed",
  "alert",
  "alert_changed",
] as const satisfies readonly EventName[];

const MAX_CLIENTS = 16;
/** Of those who may only look, together: they cannot keep the operator's page from its own. */
const MAX_READERS = 12;
/** Most characters that wait for one client; a slower client is disconnected. */
const MAX_WAITING = 262_144;
const KEEP_ALIVE_MS = 15_000;

export interface FeedRequest {
  /** Event names; `log` only if asked for. */
  readonly types: readonly string[];
  readonly level?: LogLevel | undefined;
  readonly plugin?: string | undefined;
  /** How many past events to send first. */
  readonly replay: number;
  readonly lastEventId: string | null;
  readonly role: Role;
  /** Whether the client may still listen: false once its token is revoked or its session over. */
  isAllowed(): boolean;
}

interface Client {
  readonly wants: ReadonlySet<string>;
  readonly role: Role;
  isAllowed(): boolean;
  readonly send: (text: string) => void;
  readonly end: () => void;
}

/** The event stream: keeps the last events for clients that reconnect, bounds each client's queue, sends comments when idle. */
export class Feed {
  readonly #clients = new Set<Client>();
  readonly #replay = new Replay();
  readonly #subscriptions: Subscription[];
  readonly #epoch: string;
  #seq = 0;
  #timer: Timer | null = null;
  /** Clients that were disconnected because they read too slowly. */
  dropped = 0;

  constructor(
    private readonly control: Control,
    private readonly clock: Clock,
    /** Decimal places of positions for a role; null: all. */
    private readonly digitsFor: (role: Role) => number | null,
  ) {
    this.#epoch = control.startedAt.toString(36);
    this.#subscriptions = EVENT_NAMES.map((name) => control.events.on(name, (data) => this.#announce(name, data)));
  }

  get clients(): number {
    return this.#clients.size;
  }

  /** The body of one client's stream. */
  open(request: FeedRequest, signal: AbortSignal): Result<ReadableStream<Uint8Array>> {
    if (this.#clients.size >= MAX_CLIENTS)
      return fail("rate_limited", `there are ${MAX_CLIENTS} event streams already`, { hint: "close one" });
    const readers = [...this.#clients].filter(({ role }) => role === "read").length;
    if (request.role === "read" && readers >= MAX_READERS)
      return fail("rate_limited", `tokens of the role read have ${MAX_READERS} event streams already`, { hint: "close one" });
    const encoder = new TextEncoder();
    let close = () => {};
    const start = (controller: ReadableStreamDefaultController<Uint8Array>) => {
      let log: Subscription | null = null;
      const end = () => {
        if (!this.#clients.delete(client)) return;
        log?.dispose();
        signal.removeEventListener("abort", end);
        try {
          controller.close();
        } catch {
          // The client cancelled first, so the stream is already closed.
        }
      };
      const send = (text: string) => {
        if ((controller.desiredSize ?? 0) <= 0) {
          this.dropped += 1;
          end();
          return;
        }
        controller.enqueue(encoder.encode(text));
      };
      const client: Client = { wants: new Set(request.types), role: request.role, isAllowed: request.isAllowed, send, end };
      this.#clients.add(client);
      close = end;
      signal.addEventListener("abort", end, { once: true });
      send(`retry: 2000\n: zephyrgate ${this.control.version}\n\n`);
      for (const kept of this.#past(request)) send(this.#textFor(client, kept));
      if (client.wants.has("log")) {
        log = this.control.log.follow({ plugin: request.plugin, level: request.level }, ({ seq: _, ...line }) =>
          send(frame("log", null, this.#shown(client, line))),
        );
      }
      this.#keepAlive();
    };
    return ok(
      new ReadableStream({ start, cancel: () => close() }, { highWaterMark: MAX_WAITING, size: (chunk) => chunk?.byteLength ?? 0 }),
    );
  }

  /** Ends the streams of those who may no longer listen: after tokens or sessions changed, and with each sign of life. */
  check(): void {
    for (const client of [...this.#clients]) if (!client.isAllowed()) client.end();
  }

  stop(): void {
    for (const subscription of this.#subscriptions) subscription.dispose();
    for (const client of [...this.#clients]) client.end();
    this.#timer?.cancel();
    this.#timer = null;
  }

  #announce<E extends EventName>(name: E, data: CoreEvents[E]): void {
    const seq = ++this.#seq;
    const id = `${this.#epoch}-${seq}`;
    const event = new FeedEvent({ seq, name, id }, () => toEvent(name, data), this.digitsFor("read"));
    this.#replay.add(event);
    for (const client of [...this.#clients]) if (client.wants.has(name)) client.send(this.#textFor(client, event));
  }

  #textFor({ role }: Pick<Client, "role">, { text, rounded }: SentEvent): string {
    return this.digitsFor(role) === null ? text : rounded;
  }

  #shown({ role }: Pick<Client, "role">, data: unknown): unknown {
    const digits = this.digitsFor(role);
    return digits === null ? data : roundPositions(copyJson(data), digits);
  }

  /** The events since a client's last id, or the last `replay` events. */
  #past(request: FeedRequest): readonly SentEvent[] {
    const wanted = this.#replay.list().filter((kept) => request.types.includes(kept.name));
    const [epoch, seq] = (request.lastEventId ?? "").split("-", 2);
    if (epoch === this.#epoch && /^\d{1,15}$/.test(seq ?? "")) return wanted.filter((kept) => kept.seq > Number(seq));
    return request.replay === 0 ? [] : wanted.slice(-request.replay);
  }

  #keepAlive(): void {
    if (this.#timer !== null || this.#clients.size === 0) return;
    this.#timer = this.clock.after(KEEP_ALIVE_MS, () => {
      this.#timer = null;
      this.check();
      for (const client of [...this.#clients]) client.send(": still here\n\n");
      this.#keepAlive();
    });
  }
}

/** What the mesh brings: small, and never changed once it was announced. Usually nobody listens. */
const OF_THE_MESH: ReadonlySet<EventName> = new Set(["message_received", "message_processed", "message_status", "node_seen"]);
/** Characters of such an event. */
const EXPECTED = 480;

/** Its texts are made when they are first asked for; of all events but those of the mesh at once, because their size must be known. */
class FeedEvent implements SentEvent {
  readonly seq: number;
  readonly name: EventName;
  readonly expected?: number;
  #text: string | null = null;
  #rounded: string | null = null;

  constructor(
    private readonly head: { readonly seq: number; readonly name: EventName; readonly id: string },
    private readonly show: () => unknown,
    private readonly digits: number | null,
  ) {
    this.seq = head.seq;
    this.name = head.name;
    if (OF_THE_MESH.has(head.name)) this.expected = EXPECTED;
    else this.#make();
  }

  get text(): string {
    return this.#text ?? this.#make().text;
  }

  get rounded(): string {
    return this.#rounded ?? this.#make().rounded;
  }

  #make(): { text: string; rounded: string } {
    const { name, id } = this.head;
    const shown = this.show();
    const text = frame(name, id, shown);
    const rounded = this.digits === null ? text : frame(name, id, roundPositions(copyJson(shown), this.digits));
    // The same text is kept once.
    this.#text = text;
    this.#rounded = rounded === text ? text : rounded;
    return { text: this.#text, rounded: this.#rounded };
  }
}

/** JSON contains no raw line break, so data is one line. */
function frame(name: string, id: string | null, data: unknown): string {
  return `${id === null ? "" : `id: ${id}\n`}event: ${name}\ndata: ${escapeJson(JSON.stringify(data ?? null))}\n\n`;
}
