import type { Fault } from "../../mesh/simulator/faults.ts";

/** What goes wrong on the air with the next messages of the gateway. */
export type Failure =
  /** Refused at once with a routing error. */
  | "nak"
  /** Nobody hears it: fails after the radio's own retransmissions, some 21 s later. */
  | "timeout"
  /** Heard, and the acknowledgement is lost. */
  | "lost_ack"
  /** The radio's queue is full: the gateway tries again after some seconds. */
  | "queue_full";

/** Numbers as the firmware has them: no route, nobody heard it, transmit queue full. */
export function faultOf(failure: Failure, count: number): Fault {
  switch (failure) {
    case "nak":
      return { kind: "nak", code: 1, count };
    case "timeout":
      return { kind: "nak", code: 5, count };
    case "lost_ack":
      return { kind: "lose_ack", count };
    case "queue_full":
      return { kind: "queue_status", res: 32, count };
  }
}
