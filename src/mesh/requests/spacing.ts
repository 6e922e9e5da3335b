import { Portnums } from "@meshtastic/protobufs";
import type { Clock } from "../../clock.ts";

const { PortNum } = Portnums;

/** The firmware drops what comes sooner on one connection, in silence; ms, with a margin because it polls its socket. */
const SPACING_MS: Partial<Record<Portnums.PortNum, number>> = {
  [PortNum.POSITION_APP]: 10_500,
  [PortNum.WAYPOINT_APP]: 10_500,
  [PortNum.ALERT_APP]: 10_500,
  [PortNum.TELEMETRY_APP]: 10_500,
  [PortNum.TRACEROUTE_APP]: 30_500,
};
/** Every other kind: no limit of the firmware is known, and nobody needs more. */
const OTHER_MS = 1_000;

/** The radio's limits for packets that are no texts. They hold for one connection, which everybody behind the gateway shares. */
export class PacketSpacing {
  readonly #lastAt = new Map<string, number>();

  constructor(private readonly clock: Clock) {}

  /** 0 when a packet of this kind may leave over the link now, which is then counted; else how long it must wait, ms. */
  take(link: string, port: Portnums.PortNum): number {
    const key = `${link}/${SPACING_MS[port] === undefined ? "other" : port}`;
    const now = this.clock.monotonic();
    const wait = (this.#lastAt.get(key) ?? Number.NEGATIVE_INFINITY) + (SPACING_MS[port] ?? OTHER_MS) - now;
    if (wait > 0) return wait;
    this.#lastAt.set(key, now);
    return 0;
  }
}
