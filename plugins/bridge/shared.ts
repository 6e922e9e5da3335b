/** What bridges of a region's sites say to each other. */
import { byteLength, type Json } from "zephyrgate";

/** A text that a site heard by radio. Which site, the gateway vouches for; the rest is that site's word. */
export interface SharedText {
  readonly channel: string;
  readonly text: string;
  /** `!hex8`. */
  readonly sender: string;
  readonly name: string;
  readonly packetId: number;
}

/** Neither 0 nor everybody. */
const NODE = /^!(?!0{8}$|f{8}$)[0-9a-f]{8}$/;
/** A packet of the mesh carries less. */
const TEXT_BYTES = 240;
const NAME_CHARS = 60;
const CHANNEL_CHARS = 30;
const PACKET_ID_MAX = 2 ** 32;

/** Null: it is no such text. It may come from another version of this plugin, or from a site that was taken over. */
export function readShared(body: Json): SharedText | null {
  if (typeof body !== "object" || body === null || Array.isArray(body)) return null;
  const { channel, text, sender, name, packetId } = body as { readonly [key: string]: Json | undefined };
  if (!isText(channel, CHANNEL_CHARS) || !isText(name, NAME_CHARS) || !isText(text, TEXT_BYTES) || text.trim() === "") return null;
  if (typeof sender !== "string" || !NODE.test(sender) || byteLength(text) > TEXT_BYTES) return null;
  if (typeof packetId !== "number" || !Number.isInteger(packetId) || packetId <= 0 || packetId >= PACKET_ID_MAX) return null;
  return { channel, text, sender, name, packetId };
}

function isText(value: Json | undefined, characters: number): value is string {
  return typeof value === "string" && value.length <= characters;
}
