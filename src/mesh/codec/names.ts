import { removeUnsafe } from "../../log/escape.ts";

/** Bytes of a name at most; the firmware's own fields hold 39, 4 and 11. */
const MAX_BYTES = 60;

/**
 * A name of a node or channel as the gateway keeps it: without control, escape and direction characters, on one line. A
 * stranger chose it, and it goes into answers, alerts and emergency texts on the air.
 */
export function cleanName(name: string): string {
  const plain = removeUnsafe(name).replaceAll(/\s+/g, " ").trim();
  let bytes = 0;
  let kept = "";
  for (const character of plain) {
    bytes += Buffer.byteLength(character);
    if (bytes > MAX_BYTES) break;
    kept += character;
  }
  return kept;
}
