/** What the mesh carries: what a plugin hears, and what it sends. */
import type { Json } from "../../json.ts";

/** Index of a channel on its radio link. */
export type ChannelIndex = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7;

/** What a message of the mesh carries. */
export type MessageKind = "text" | "position" | "telemetry" | "node_info" | "waypoint" | "traceroute" | "neighbor_info";

/** A message from the mesh. */
export interface IncomingMessage {
  /** The number under which the mesh knows it; 32 bits. */
  readonly packetId: number;
  /** What it carries; absent means text. */
  readonly kind?: MessageKind;
  /** The text, of texts alone. */
  readonly text?: string;
  /**
   * For message handlers: a command, menu item or keyword handler has replied. One that takes longer than 3 s is not waited
   * for. Always false in an emergency.
   */
  readonly answered?: boolean;
  /**
   * For message handlers: the gateway has passed it on to the operators and the alert channels, as an emergency or as what its sender
   * writes in the ten minutes after one.
   */
  readonly alerted?: boolean;
  /** Hops it took; absent when unknown. */
  readonly hopsAway?: number;
  /** Signal-to-noise ratio, dB. */
  readonly snr?: number;
  /** Received signal strength, dBm. */
  readonly rssi?: number;
  /** Packet id of the message it answers. */
  readonly replyId?: number;
  /** Of positions. */
  readonly position?: Position;
  /** Of telemetry: `type` names the kind, the rest are its values. */
  readonly telemetry?: { readonly [field: string]: Json };
  /** Of answers to a traceroute. */
  readonly route?: Route;
  /** Of neighbor_info: the nodes that the sender hears directly. */
  readonly neighbors?: readonly RouteHop[];
  /** Last byte of the number of the node that relayed it. */
  readonly relayNode?: number;
  /** Further facts, by kind. */
  readonly [field: string]: Json | undefined;
}

/** Where a node is. */
export type Position = {
  /** Degrees. */
  readonly latitude: number;
  /** Degrees. */
  readonly longitude: number;
  /** Metres above sea level. */
  readonly altitude?: number;
  /** s since 1970. */
  readonly time?: number;
  /** Bits of each coordinate that are exact; fewer than 32 when the sender made it coarse. */
  readonly precisionBits?: number;
  /** Entered by hand, or measured by a receiver inside or outside the node. */
  readonly source?: "manual" | "internal" | "external";
  /** Satellites in view. */
  readonly satellites?: number;
  /** m/s. */
  readonly speed?: number;
};

/** One step of a route: the node that received the packet, `!%08x`, and how well, dB. */
export type RouteHop = {
  /** The node, `!%08x`. */
  readonly node: string;
  /** Signal-to-noise ratio at which it received the packet, dB. */
  readonly snr?: number;
};

/** The nodes between the gateway and another node, both without the two ends. */
export type Route = {
  /** From the gateway to the node. */
  readonly towards: readonly RouteHop[];
  /** From the node to the gateway. */
  readonly back: readonly RouteHop[];
};

/** `message_status`: what became of a message that sendMessage queued. */
export interface MessageStatusEvent {
  /** As sendMessage gave it. */
  readonly id: string;
  /** `relayed`: another node was heard repeating it. `delivered`: its recipient confirmed it. */
  readonly state: "queued" | "sent" | "relayed" | "delivered" | "failed";
  /** Which part of it this is about, from 1; absent when it is about the whole. */
  readonly part?: number;
  /** Packets into which the text was split. */
  readonly parts: number;
  /** Meshtastic's routing error, of `failed` alone. */
  readonly code?: number;
  /** Why it failed, in words. */
  readonly reason?: string;
  /** True: its state does not change any more. */
  readonly final?: boolean;
  /** Its recipient confirmed it after it had been called `failed`. */
  readonly note?: "acknowledged_late";
}

/** A channel as sendMessage takes it: any text, any number that is computed, and of written numbers 0 to 7. */
export type ChannelOption<C> = C extends number ? (number extends C ? C : C extends ChannelIndex ? C : never) : C;

/** Where a text goes and how. */
export interface SendOptions<C extends number | string = number | string> {
  /** Node number, `!hex8`, exact name, or `broadcast`. Without it, inside a handler: where the message came from. */
  destination?: string | number;
  /** Index 0 to 7, or exact name. */
  channel?: C & ChannelOption<C>;
  /** Packet id of the message this answers. */
  replyTo?: number;
  /** The text is a reaction to `replyTo`: one emoji. */
  react?: boolean;
  /** 0 to 7 hops; by default what the radio is set to. */
  hopLimit?: number;
  /** `normal` by default. `emergency` goes as `high`, unless the plugin holds `override_commands` for `sos`. */
  priority?: "low" | "normal" | "high" | "emergency";
  /** Ask the recipient's node to confirm it; then `delivered` or `failed` follows. By default for direct messages. */
  wantAck?: boolean;
}
