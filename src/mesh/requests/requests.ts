import { create, toBinary } from "@bufbuild/protobuf";
import { Mesh, Portnums, Telemetry } from "@meshtastic/protobufs";
import type { Clock, Random, Timer } from "../../clock.ts";
import { fail, ok, type Result } from "../../errors.ts";
import type { Subscription } from "../../lifetime.ts";
import { isDutyCycleSpent } from "../airtime/duty-cycle.ts";
import { BROADCAST, formatNodeId, type NodeNumber, type PacketId, packetId } from "../ids.ts";
import type { MeshMessage, PositionMessage, TelemetryMessage, TracerouteMessage } from "../message.ts";
import type { OutgoingPacket, PacketRadio, RoutingReport } from "../radio.ts";
import type { Place } from "../routes.ts";
import type { PacketSpacing } from "./spacing.ts";

/** Kinds of telemetry that can be asked for. */
export const TELEMETRY_KINDS = ["device", "environment", "power"] as const;
export type TelemetryKind = (typeof TELEMETRY_KINDS)[number];

export type MeshRequest =
  | { readonly kind: "position" }
  | { readonly kind: "telemetry"; readonly telemetry: TelemetryKind }
  | { readonly kind: "traceroute" };

export interface RequestDeps {
  readonly clock: Clock;
  readonly random: Random;
  radios(): readonly PacketRadio[];
  /** The places from which the node can be reached, the best first. */
  places(node: NodeNumber): readonly Place[];
  readonly spacing: PacketSpacing;
  /** Above this channel utilization, 0 to 1, no request is sent. */
  politeUtilization(): number;
}

/** A traceroute over seven hops and back on a slow preset takes about this long. */
const DEADLINE_MS = 25_000;
/** Requests that wait for an answer; more are refused. */
const WAITING_MAX = 16;

interface Waiting {
  readonly to: NodeNumber;
  readonly kind: MeshRequest["kind"];
  finish(result: Result<MeshMessage>): void;
}

const { PortNum } = Portnums;
const PORTS = { position: PortNum.POSITION_APP, telemetry: PortNum.TELEMETRY_APP, traceroute: PortNum.TRACEROUTE_APP } as const;
const METRICS = { device: "deviceMetrics", environment: "environmentMetrics", power: "powerMetrics" } as const;
/** Routing errors, in words; the others by their number. */
const NAKS: Readonly<Record<number, string>> = {
  1: "no route leads to it",
  5: "nobody acknowledged the request",
  6: "the channel is not known",
  8: "it gives no answer to such a request",
  33: "it is not allowed",
  35: "its public key is unknown",
  38: "the radio took it for too soon",
  39: "its public key is unknown",
};

/** Asks other nodes for their position, their measurements, or the way to them. */
export class MeshRequests {
  readonly #waiting = new Map<PacketId, Waiting>();
  readonly #subscriptions: Subscription[] = [];

  constructor(private readonly deps: RequestDeps) {}

  start(): void {
    for (const radio of this.deps.radios()) {
      this.#subscriptions.push(
        radio.onMessage((message) => this.#answered(message)),
        radio.onRouting((report) => this.#refused(report)),
      );
    }
  }

  /** Ends every wait with `cancelled`. Idempotent. */
  stop(): void {
    for (const subscription of this.#subscriptions.splice(0)) subscription.dispose();
    for (const { finish } of [...this.#waiting.values()]) finish(fail("cancelled", "the gateway stops"));
  }

  async position(to: NodeNumber, signal?: AbortSignal): Promise<Result<PositionMessage>> {
    const answer = await this.#ask(to, { kind: "position" }, signal);
    return answer.ok ? narrow(answer.value, "position") : answer;
  }

  async telemetry(to: NodeNumber, kind: TelemetryKind, signal?: AbortSignal): Promise<Result<TelemetryMessage>> {
    const answer = await this.#ask(to, { kind: "telemetry", telemetry: kind }, signal);
    return answer.ok ? narrow(answer.value, "telemetry") : answer;
  }

  async traceroute(to: NodeNumber, signal?: AbortSignal): Promise<Result<TracerouteMessage>> {
    const answer = await this.#ask(to, { kind: "traceroute" }, signal);
    return answer.ok ? narrow(answer.value, "traceroute") : answer;
  }

  /**
   * Fails with `invalid_argument` (a broadcast, or the own node), `link_down`, `rate_limited` (the radio's own limit, with the
   * seconds to wait, or a busy channel), `unavailable` (a nak) or `timeout`.
   */
  async #ask(to: NodeNumber, request: MeshRequest, signal: AbortSignal | undefined): Promise<Result<MeshMessage>> {
    const chosen = this.#choose(to);
    if (!chosen.ok) return chosen;
    const { radio, place } = chosen.value;
    const wait = this.deps.spacing.take(radio.name, PORTS[request.kind]);
    if (wait > 0) {
      const seconds = Math.ceil(wait / 1000);
      return fail("rate_limited", `the radio sends a ${request.kind} request only every so often`, { hint: `try again in ${seconds} s` });
    }
    const id = this.#newId();
    const answer = this.#wait(id, to, request.kind, signal);
    const sent = await radio.sendPacket(packetOf(id, to, place, request));
    if (!sent.ok) this.#waiting.get(id)?.finish(sent);
    return answer;
  }

  #choose(to: NodeNumber): Result<{ radio: PacketRadio; place: Place }> {
    const radios = this.deps.radios();
    const isOwn = radios.some((radio) => radio.status().ownNode === to);
    if (to === BROADCAST || isOwn) return fail("invalid_argument", "a request goes to one other node", { hint: "give a node's id" });
    if (this.#waiting.size >= WAITING_MAX) return fail("rate_limited", `${WAITING_MAX} requests wait for answers already`);
    const places = this.deps.places(to);
    for (const place of places) {
      const radio = radios.find(({ name }) => name === place.link);
      const status = radio?.status();
      if (radio === undefined || status?.state !== "up") continue;
      const busy = status.channelUtilization ?? 0;
      if (isDutyCycleSpent(status)) return fail("rate_limited", "the region's duty cycle is used up", { hint: "try again later" });
      if (busy <= this.deps.politeUtilization()) return ok({ radio, place });
      return fail("rate_limited", `the channel is ${Math.round(busy * 100)} % busy`, { hint: "try again later" });
    }
    return fail("link_down", "no radio link is up", { hint: "zephyrgate status" });
  }

  #wait(id: PacketId, to: NodeNumber, kind: MeshRequest["kind"], signal: AbortSignal | undefined): Promise<Result<MeshMessage>> {
    return new Promise((resolve) => {
      const finish = (result: Result<MeshMessage>) => {
        this.#waiting.delete(id);
        deadline.cancel();
        signal?.removeEventListener("abort", aborted);
        resolve(result);
      };
      const aborted = () => finish(fail("cancelled", "the request was given up"));
      const late = `${formatNodeId(to)} did not answer within ${DEADLINE_MS / 1000} s`;
      const deadline: Timer = this.deps.clock.after(DEADLINE_MS, () => finish(fail("timeout", late)));
      this.#waiting.set(id, { to, kind, finish });
      signal?.addEventListener("abort", aborted, { once: true });
      if (signal?.aborted) aborted();
    });
  }

  #answered(message: MeshMessage): void {
    const waiting = message.requestId === undefined ? undefined : this.#waiting.get(message.requestId);
    if (waiting !== undefined && message.from === waiting.to && message.kind === waiting.kind) waiting.finish(ok(message));
  }

  #refused({ packetId: id, errorReason }: RoutingReport): void {
    const waiting = errorReason === 0 ? undefined : this.#waiting.get(id);
    waiting?.finish(fail("unavailable", `${formatNodeId(waiting.to)}: ${NAKS[errorReason] ?? `routing error ${errorReason}`}`));
  }

  #newId(): PacketId {
    for (;;) {
      const id = packetId(this.deps.random.u32());
      if (id !== 0 && !this.#waiting.has(id)) return id;
    }
  }
}

function packetOf(id: PacketId, to: NodeNumber, place: Place, request: MeshRequest): OutgoingPacket {
  const wantAck = request.kind !== "traceroute";
  return { packetId: id, to, channel: place.index, port: PORTS[request.kind], payload: payloadOf(request), wantAck, wantResponse: true };
}

function payloadOf(request: MeshRequest): Uint8Array {
  if (request.kind === "traceroute") return toBinary(Mesh.RouteDiscoverySchema, create(Mesh.RouteDiscoverySchema));
  // A position without coordinates only asks.
  if (request.kind === "position") return toBinary(Mesh.PositionSchema, create(Mesh.PositionSchema));
  const variant = { case: METRICS[request.telemetry], value: {} };
  return toBinary(Telemetry.TelemetrySchema, create(Telemetry.TelemetrySchema, { variant }));
}

function narrow<K extends MeshMessage["kind"]>(message: MeshMessage, kind: K): Result<Extract<MeshMessage, { kind: K }>> {
  return isKind(message, kind) ? ok(message) : fail("unavailable", "the answer is of another kind");
}

function isKind<K extends MeshMessage["kind"]>(message: MeshMessage, kind: K): message is Extract<MeshMessage, { kind: K }> {
  return message.kind === kind;
}
