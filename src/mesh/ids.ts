/**
 * The numbers by which a mesh names things. Each has a type of its own, so that a packet id where a node number belongs
 * does not compile. A plain number still fits each of them: what a decoder, a row or a caller hands in is checked by
 * the functions below.
 */
declare const kind: unique symbol;

/** u32; shown as `!%08x`. */
export type NodeNumber = number & { readonly [kind]?: "node" };
/** u32, chosen by the sender; 0 names no packet. */
export type PacketId = number & { readonly [kind]?: "packet" };
/** 0 to 7, in the order of one radio's channels: it means nothing without its link. */
export type ChannelIndex = number & { readonly [kind]?: "channel" };

export const BROADCAST: NodeNumber = 0xffffffff;
const CHANNELS = 8;

/** The number as a node's, the broadcast address included; null when it cannot be one. */
export function nodeNumber(value: number): NodeNumber | null {
  return Number.isInteger(value) && value >= 1 && value <= BROADCAST ? value : null;
}

/** Whether one node can have this number: it is neither 0 nor the broadcast address. */
export function isNode(number: NodeNumber): boolean {
  return Number.isInteger(number) && number >= 1 && number < BROADCAST;
}

/** The number as a channel's index; null when no radio has so many channels. */
export function channelIndex(value: number): ChannelIndex | null {
  return Number.isInteger(value) && value >= 0 && value < CHANNELS ? value : null;
}

/** Any number as a packet id: its lower 32 bits. */
export function packetId(value: number): PacketId {
  return value >>> 0;
}

/** `!` and eight lower-case hexadecimal digits, as the apps show it. */
export function formatNodeId(number: NodeNumber): string {
  return `!${(number >>> 0).toString(16).padStart(8, "0")}`;
}

/** Reads `!0a0b0c0d` (any case); null for anything else. */
export function parseNodeId(text: string): NodeNumber | null {
  return /^![0-9a-f]{8}$/i.test(text) ? Number.parseInt(text.slice(1), 16) : null;
}
