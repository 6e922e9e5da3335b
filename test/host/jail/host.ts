import { closeSync, writeSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { systemClock } from "../../../src/clock.ts";
import { silentLogger } from "../../../src/log/logger.ts";
import { type Launched, type LaunchOptions, launchHost, sourceFolders } from "../../../src/sandbox/process-launch.ts";
import type { Order } from "./entry.ts";

const here = fileURLToPath(new URL(".", import.meta.url));

export const testEntry = { main: `${here}entry.ts`, readable: [...sourceFolders(), here] };

/** A jailed process that runs `entry.ts`. Throws when it does not start. */
export async function launchTest(databases: string, options: Partial<LaunchOptions> = {}): Promise<Launched> {
  const launched = await launchHost({
    databases: [databases],
    allowMissing: [],
    log: silentLogger,
    clock: systemClock,
    entry: testEntry,
    ...options,
  });
  if (!launched.ok) throw launched.error;
  return launched.value;
}

export function order(host: Launched, what: Order): void {
  writeSync(host.writeFd, `${JSON.stringify(what)}\n`);
}

/** The first line that comes back, as JSON. */
export async function reply(host: Launched): Promise<unknown> {
  const decoder = new TextDecoder();
  let text = "";
  const reader = Bun.file(host.readFd).stream().getReader();
  while (!text.endsWith("\n")) {
    const { value, done } = await reader.read();
    if (done) break;
    text += decoder.decode(value, { stream: true });
  }
  return text === "" ? null : JSON.parse(text);
}

export async function endHost(host: Launched): Promise<void> {
  host.process.kill("SIGKILL");
  await host.process.exited;
  closeSync(host.writeFd);
  host.page?.close();
}
