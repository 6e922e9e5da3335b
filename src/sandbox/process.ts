/**
 * This room runs in the gateway process, on its side of the trust wall. It starts plugin hosts, watches them and ends them, and
 * holds the gateway's end of every bridge; loader/ bundles the plugins' sources. It may touch host processes and the bundler's
 * process, their pipes, /proc, and the folders of plugins; it opens no plugin's database and evaluates no plugin's code.
 * Everything that a host sends is hostile. This file is one plugin host as a jailed child process.
 */

import { closeSync } from "node:fs";
import type { BridgeEnd } from "../bridge/bridge.ts";
import { OPTIONAL_WALLS, type Wall } from "../bridge/launch.ts";
import { fdStream } from "../bridge/streams.ts";
import { ok, type Result } from "../errors.ts";
import { inBackground } from "../log/background.ts";
import type { PluginHost } from "./port.ts";
import { HOST_LIMITS, type LaunchOptions, launchHost } from "./process-launch.ts";
import { RealmMemory } from "./process-memory.ts";
import { type Supervised, supervise } from "./process-supervise.ts";
import { HostSession } from "./session.ts";

export type SpawnOptions = Omit<LaunchOptions, "probe">;

/** From the end of the bridge, or the wish to stop, to force. */
const GRACE_MS = 3000;

/**
 * Starts one. Fails with `jail_unavailable` (a wall is missing that `allowMissing` does not name), `timeout`, or `host_gone`.
 * Whoever starts it stops it; it ends by itself when the gateway does.
 */
export async function spawnHost(options: SpawnOptions): Promise<Result<PluginHost>> {
  const { clock, log } = options;
  const launched = await launchHost(options);
  if (!launched.ok) return launched;
  const { process: child, readFd, writeFd, walls } = launched.value;
  const memory = new RealmMemory(child.pid, options.limits?.memoryMb ?? HOST_LIMITS.memoryMb, clock);
  const watch = supervise(launched.value, {
    clock,
    log,
    maxBytes: () => memory.ceiling,
    ...(options.sample === undefined ? {} : { sample: options.sample }),
  });
  const session = new HostSession({
    stream: fdStream(readFd, writeFd, { clock, soon: queueMicrotask }),
    clock,
    onEnd: (end) => bridgeEnded(end, watch, options),
    onSend: () => watch.stir(),
  });
  session.start();
  warnOfMissing(walls, options);
  const exited = watch.exited.then((exit) => {
    memory.end();
    session.abandon();
    return exit;
  });
  return ok({
    pid: child.pid,
    walls,
    open: (spec, events) => memory.open(session, spec, events),
    backupDatabase: (from, to) => session.backupDatabase(from, to),
    takeInDatabase: (from, to) => session.takeInDatabase(from, to),
    releaseDatabase: (path) => session.releaseDatabase(path),
    validateConfig: (schema, config) => session.validateConfig(schema, config),
    moveClock: (aheadMs) => session.moveClock(aheadMs),
    exited,
    async stop() {
      const end = watch.expectEnd(GRACE_MS);
      await session.stop();
      await end;
    },
  });
}

/** Each wall, known by a jailed child that tries it; nothing is needed but this executable. */
export async function probeWalls(options: Pick<LaunchOptions, "log" | "clock" | "entry" | "fileWalls">): Promise<Result<readonly Wall[]>> {
  const launched = await launchHost({ ...options, databases: [], allowMissing: OPTIONAL_WALLS, probe: true });
  if (!launched.ok) return launched;
  const { process: child, readFd, writeFd, page, walls } = launched.value;
  await child.exited;
  for (const fd of [readFd, writeFd]) closeSync(fd);
  page?.close();
  return ok(walls);
}

function bridgeEnded({ reason, detail }: BridgeEnd, watch: Supervised, { clock, log }: SpawnOptions): void {
  if (reason !== "closed") {
    watch.kill(reason, detail);
    return;
  }
  const timer = clock.after(GRACE_MS, () => watch.kill("crashed", "it closed its bridge and stayed"));
  const exited = watch.exited.then(() => timer.cancel());
  inBackground(log, "waiting for the end of a plugin host", exited);
}

function warnOfMissing(walls: readonly Wall[], { log }: SpawnOptions): void {
  const missing = walls.filter((one) => one.required && !one.stands);
  for (const { wall, detail } of missing) log.warn(`plugins run without the wall "${wall}": ${detail}`);
}
