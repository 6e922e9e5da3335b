/** A plugin host without a process, for the testing kit: the same realms, frames and checks over memory. */

import { memoryStreams } from "../bridge/memory-streams.ts";
import { type Clock, type Random, systemClock, systemRandom } from "../clock.ts";
import { HostRuntime, takeSnapshot } from "../host/runtime.ts";
import type { HostExit, PluginHost } from "../sandbox/port.ts";
import { HostSession } from "../sandbox/session.ts";

export interface InProcessDeps {
  readonly clock?: Clock;
  readonly random?: Random;
}

export interface InProcessHost extends PluginHost {
  /** True while a realm has work to do that needs no clock. */
  readonly busy: boolean;
  /** Reports at once what realms have used and what they were refused. */
  tell(): void;
  /** Ends as a killed process would. */
  crash(detail: string): void;
}

/** Only the engine's interrupts stop a plugin here: native code that never returns blocks the caller. */
export async function startInProcessHost(deps: InProcessDeps = {}): Promise<InProcessHost> {
  const { clock = systemClock, random = systemRandom } = deps;
  const snapshot = await takeSnapshot();
  const [near, far] = memoryStreams();
  let exit: (exit: HostExit) => void = () => {};
  const exited = new Promise<HostExit>((resolve) => {
    exit = resolve;
  });
  const runtime = new HostRuntime({ stream: far, snapshot, clock, random, walls: [], onEnd: () => {} });
  const session = new HostSession({
    stream: near,
    clock,
    onEnd: ({ reason, detail }) => exit({ reason: reason === "closed" ? "stopped" : reason, detail, culprit: null }),
  });
  runtime.start();
  session.start();
  return {
    pid: null,
    walls: [{ wall: "realm", stands: true, detail: "in this process: for tests only" }],
    open: (spec, events) => session.open(spec, events),
    backupDatabase: (from, to) => session.backupDatabase(from, to),
    releaseDatabase: (path) => session.releaseDatabase(path),
    validateConfig: (schema, config) => session.validateConfig(schema, config),
    exited,
    stop: () => session.stop(),
    get busy() {
      return runtime.busy;
    },
    tell: () => runtime.tell(),
    crash(detail) {
      exit({ reason: "crashed", detail, culprit: null });
      session.abandon();
    },
  };
}
