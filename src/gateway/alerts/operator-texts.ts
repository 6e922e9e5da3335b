import type { CoreEvents } from "../../events/core.ts";
import { UrgentTexts } from "../../mesh/emergency/urgent-texts.ts";
import { type NodeNumber, parseNodeId } from "../../mesh/ids.ts";
import type { OutboxRequest } from "../../mesh/outgoing.ts";
import { alertText } from "../../texts/texts.ts";
import type { GatewayContext } from "../context/context.ts";
import type { Mesh } from "../mesh/mesh.ts";

type Change = CoreEvents["alert_changed"];

/** A cause that comes and goes is sent once in this time: it must not flood the mesh. */
const REPEAT_MS = 10 * 60_000;
const MAX_REMEMBERED = 500;
/** Messages of the outbox among which the same text is looked for. */
const LOOKED_AT = 200;
/** The gateway sends emergencies by itself, with the sender's text; silence was the operator's own wish. */
const SENT_ELSEWHERE: ReadonlySet<string> = new Set(["emergency", "silenced"]);

/** Tells the operators' nodes of each alert, and of its end, for operators who are not at a terminal. */
export class OperatorTexts {
  readonly #told = new Map<string, number>();
  /** Of alerts that were told, so that their end is told, too. */
  readonly #open = new Set<string>();
  readonly #texts: UrgentTexts;

  constructor(
    private readonly context: Pick<GatewayContext, "clock" | "log" | "config">,
    private readonly mesh: Pick<Mesh, "outbox" | "newId" | "nodes" | "links">,
  ) {
    this.#texts = new UrgentTexts((request) => this.#queue(request));
  }

  /** The outbox reports about one of its messages. */
  report(status: CoreEvents["message_status"]): void {
    this.#texts.report(status);
  }

  changed(change: Change): void {
    if (SENT_ELSEWHERE.has(change.code) || change.quiet === true) return;
    // Each site tells its own operators; whoever wants to hear of all of them says so.
    if (change.site !== undefined && !this.context.config().alerts.from_sites) return;
    if (change.change === "cleared") {
      if (this.#open.delete(change.id)) this.#send(change);
      return;
    }
    const key = `${change.code} ${change.plugin ?? ""} ${change.link ?? ""} ${change.site ?? ""}`;
    const now = this.context.clock.monotonic();
    if (now - (this.#told.get(key) ?? Number.NEGATIVE_INFINITY) < REPEAT_MS) return;
    remember(this.#told, key, now);
    this.#open.add(change.id);
    for (const oldest of this.#open) {
      if (this.#open.size <= MAX_REMEMBERED) break;
      this.#open.delete(oldest);
    }
    this.#send(change);
  }

  #send(change: Change): void {
    const text = alertText(this.context.config().language, change, change.change);
    const recent = this.#recent();
    for (const to of this.context.config().operators.map(parseNodeId)) {
      if (to === null || recent.has(`${to} ${text}`)) continue;
      this.#texts.start({ ways: this.#waysTo(to, text), ids: [], reach: "pending", changed: () => undefined });
    }
  }

  /** Destination and text of what was sent lately, also by the run before: a gateway that crashes again and again must not flood the mesh. */
  #recent(): ReadonlySet<string> {
    const now = this.context.clock.now();
    const own = this.mesh.outbox
      .list({ limit: LOOKED_AT })
      .filter(({ sender, queuedAt }) => sender.kind === "gateway" && Math.abs(now - queuedAt) < REPEAT_MS);
    return new Set(own.map(({ to, text }) => `${to} ${text}`));
  }

  /** As the outbox chooses, which knows where the operator was heard; where that fails, by each other link that is up. */
  *#waysTo(to: NodeNumber, text: string): Generator<OutboxRequest> {
    const correlationId = this.mesh.newId();
    const request: OutboxRequest = { text, to, priority: "high", wantAck: true, sender: { kind: "gateway" }, correlationId };
    yield request;
    const known = this.mesh.nodes.get(to)?.link;
    for (const { name, state } of this.mesh.links()) if (state === "up" && name !== known) yield { ...request, link: name };
  }

  #queue(request: OutboxRequest): string | null {
    const queued = this.mesh.outbox.enqueue(request);
    if (queued.ok) return queued.value.id;
    this.context.log.logger.warn(`an alert could not be sent: ${queued.error.summary()}`);
    return null;
  }
}

function remember(map: Map<string, number>, key: string, value: number): void {
  map.delete(key);
  map.set(key, value);
  const oldest = map.keys().next().value;
  if (map.size > MAX_REMEMBERED && oldest !== undefined) map.delete(oldest);
}
