/**
 * The stream API's two messages, in both directions: the gateway writes ToRadio and reads FromRadio, the simulated node
 * the other way round.
 */
import { type DescMessage, fromBinary, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { configureTextEncoding } from "@bufbuild/protobuf/wire";
import { Mesh } from "@meshtastic/protobufs";

export type FromRadio = MessageShape<typeof Mesh.FromRadioSchema>;
export type ToRadio = MessageShape<typeof Mesh.ToRadioSchema>;
export type MeshPacket = MessageShape<typeof Mesh.MeshPacketSchema>;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Decodes any bytes to text: what is not UTF-8 becomes U+FFFD. */
export function lenientUtf8(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

// The firmware cuts node names at a byte count, possibly within a character. A strict decoder would drop the whole
// NodeInfo for that. The library has this setting for all its decoders only.
configureTextEncoding({
  encodeUtf8: (text) => encoder.encode(text),
  encodeUtf8Into: (text, target) => encoder.encodeInto(text, target),
  decodeUtf8: lenientUtf8,
  checkUtf8: (text) => text.isWellFormed(),
});

/**
 * For the {@link Framer}: null when the payload is no FromRadio. A message of a later firmware decodes without a variant,
 * except when `strict`.
 */
export function decodeFromRadio(payload: Uint8Array, strict: boolean): FromRadio | null {
  const message = tryDecode(Mesh.FromRadioSchema, payload);
  if (message === null || !strict) return message;
  // Bytes may decode by chance, but hardly ever with a known variant and re-encode to the same length.
  return message.payloadVariant.case !== undefined && encodeFromRadio(message).length === payload.length ? message : null;
}

/** Like {@link decodeFromRadio}, for the node's side. */
export function decodeToRadio(payload: Uint8Array, strict: boolean): ToRadio | null {
  const message = tryDecode(Mesh.ToRadioSchema, payload);
  if (message === null || !strict) return message;
  return message.payloadVariant.case !== undefined && encodeToRadio(message).length === payload.length ? message : null;
}

export function encodeFromRadio(message: FromRadio): Uint8Array {
  return toBinary(Mesh.FromRadioSchema, message);
}

export function encodeToRadio(message: ToRadio): Uint8Array {
  return toBinary(Mesh.ToRadioSchema, message);
}

/** Decodes, or null for bytes that are no such message. */
export function tryDecode<D extends DescMessage>(schema: D, bytes: Uint8Array): MessageShape<D> | null {
  try {
    return fromBinary(schema, bytes);
  } catch {
    // The library throws for malformed bytes; the caller counts them.
    return null;
  }
}
