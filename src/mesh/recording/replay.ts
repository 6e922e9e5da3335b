import type { Clock, Timer } from "../../clock.ts";
import type { SimulatedMesh } from "../simulator/mesh.ts";
import type { Recording } from "./recording.ts";

export interface ReplayOptions {
  readonly clock: Clock;
  /** How many times as fast as it was recorded; 1 when absent. */
  readonly speed?: number;
  done?(): void;
}

/** Lets a simulated mesh hear a recording again. What was for the recording node is for the simulated one. */
export function replay({ own, packets }: Recording, mesh: SimulatedMesh, { clock, speed = 1, done }: ReplayOptions): { stop(): void } {
  const startedAt = clock.monotonic();
  let next = 0;
  let timer: Timer | null = null;
  const dueIn = (atS: number) => (atS * 1000) / speed - (clock.monotonic() - startedAt);
  const run = () => {
    timer = null;
    for (let due = packets[next]; due !== undefined && dueIn(due.atS) <= 0; due = packets[next]) {
      const { packet } = due;
      next++;
      mesh.rehear(packet.to === own ? { ...packet, to: mesh.own.number } : packet);
    }
    const later = packets[next];
    if (later === undefined) done?.();
    else timer = clock.after(Math.max(1, dueIn(later.atS)), run);
  };
  run();
  return { stop: () => timer?.cancel() };
}
