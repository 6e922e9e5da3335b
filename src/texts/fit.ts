/** Bytes of one message. */
export const MESSAGE_BYTES = 200;

export function byteLength(text: string): number {
  return Buffer.byteLength(text);
}

/** The text if it fits, else as many whole characters as fit with `…` at the end. */
export function cutToBytes(text: string, bytes: number = MESSAGE_BYTES): string {
  if (byteLength(text) <= bytes) return text;
  let kept = "";
  let room = bytes - byteLength("…");
  for (const character of text) {
    room -= byteLength(character);
    if (room < 0) break;
    kept += character;
  }
  return `${kept}…`;
}
