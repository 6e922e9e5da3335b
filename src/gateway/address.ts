import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Logger } from "../log/logger.ts";
import { codeOf, writeFileAtomically } from "../storage/atomic.ts";

/** Where the API of the gateway of this data folder listens: for health checks, and where the port is left to the system. */
export const ADDRESS_FILE = "api-address";

/** The port that the gateway of this data folder took when its configuration left the choice to the system; null when none was noted. */
export function notedPort(dataDir: string): number | null {
  const port = Number(URL.parse(read(join(dataDir, ADDRESS_FILE))?.trim() ?? "")?.port ?? "");
  return Number.isInteger(port) && port > 0 ? port : null;
}

/** `http://127.0.0.1:8080`, on one line. After a crash it is stale: whoever reads it asks there. A disk that is full stops no gateway. */
export function noteAddress(dataDir: string, url: string, log: Logger): void {
  const path = join(dataDir, ADDRESS_FILE);
  const text = `${url}\n`;
  try {
    if (read(path) !== text) writeFileAtomically(path, text);
  } catch (cause) {
    log.warn(`${path} cannot be written (${codeOf(cause)}): health checks may ask at another address`);
  }
}

function read(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null; // The first start.
  }
}
