/** A plugin host without a process, for the testing kit: the same realms, frames and checks over memory. */

import { memoryStreams } from "../bridge/memory-streams.ts";
import { type Clock, type Random, systemClock, systemRandom } from "../clock.ts";
import { ok } from "../errors.ts";
import type { EngineFactory } from "../host/engine/realm-engine.ts";
import { engineFactory, HostRuntime, takeSnapshot } from "../host/runtime.ts";
import type { HostExit, PluginHost, Realm } from "../sandbox/port.ts";
import { HostSession } from "../sandbox/session.ts";

export interface InProcessDeps {
  readonly clock?: Clock;
  readonly random?: Random;
  /** Other engines for the realms, such as a debugger's; given are those of this process. */
  readonly engines?: (usual: EngineFactory) => EngineFactory;
  /** Nothing that a realm does is ended for taking long: somebody may be looking at it. */
  readonly isPatient?: boolean;
}

const PATIENCE_MS = 24 * 3_600_000;

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
  const usual = engineFactory(await takeSnapshot());
  const engines = deps.engines?.(usual) ?? usual;
  const patience = deps.isPatient === true ? { openMs: PATIENCE_MS } : {};
  const [near, far] = memoryStreams();
  let exit: (exit: HostExit) => void = () => {};
  const exited = new Promise<HostExit>((resolve) => {
    exit = resolve;
  });
  const runtime = new HostRuntime({ stream: far, engines, clock, random, walls: [], onEnd: () => {}, ...patience });
  const session = new HostSession({
    stream: near,
    clock,
    ...patience,
    onEnd: ({ reason, detail }) => exit({ reason: reason === "closed" ? "stopped" : reason, detail, culprit: null }),
  });
  runtime.start();
  session.start();
  return {
    pid: null,
    walls: [{ wall: "realm", stands: true, detail: "in this process: for tests only" }],
    open: async (spec, events) => {
      const opened = await session.open(spec, events);
      return deps.isPatient === true && opened.ok ? ok(patient(opened.value)) : opened;
    },
    backupDatabase: (from, to) => session.backupDatabase(from, to),
    takeInDatabase: (from, to) => session.takeInDatabase(from, to),
    releaseDatabase: (path) => session.releaseDatabase(path),
    validateConfig: (schema, config) => session.validateConfig(schema, config),
    moveClock: (aheadMs) => session.moveClock(aheadMs),
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

function patient(realm: Realm): Realm {
  return {
    number: realm.number,
    plugin: realm.plugin,
    call: (target, args) => realm.call(target, args, PATIENCE_MS),
    update: (change) => realm.update(change),
    pause: (how) => realm.pause(how),
    usage: () => realm.usage(),
    unrecord: () => realm.unrecord?.(),
    close: () => realm.close(),
  };
}
