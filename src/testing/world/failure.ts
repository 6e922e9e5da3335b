import type { Fault } from "../../mesh/simulator/faults.ts";

/** How the transmission of the gateway's next messages fails. */
export type Failure =
  /** The radio refuses the message at once with a routing error. */
  | "nak"
  /** No node hears the message: it fails about 21 s later, after the radio's own retransmissions. */
  | "timeout"
  /** The node hears the message, and its acknowledgement is lost. */
  | "lost_ack"
  /** The radio's queue is full: the gateway tries again after some seconds. */
  | "queue_full";

/** The firmware's numbers: 1 no route, 5 no acknowledgement after all retransmissions, 32 transmit queue full. */
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
