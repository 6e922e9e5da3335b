/** Each kind of frame that a plugin host sends, as it should be. */

export type Frame = { readonly [key: string]: unknown };
export const error = { name: "E", message: "m" };
export const usage = { realm: 1, cpuMs: 1.5, memoryBytes: 0, storageBytes: 0, storageCalls: 0, storageDenied: 0, timers: 0, queueDepth: 0 };
export const GOOD: Readonly<Record<string, Frame>> = {
  ready: { t: "ready", walls: [{ wall: "seccomp", stands: true, detail: "tried" }] },
  opened: { t: "opened", realm: 1, error: null },
  result: { t: "result", realm: 1, call: 1, outcome: { ok: true, value: null, cpuMs: 0 } },
  asked: {
    t: "result",
    realm: 1,
    call: 1,
    outcome: { ok: true, value: "v", session: { a: [1] }, ask: { dialogue: 1, question: "q", timeoutS: 60 }, lost: true, cpuMs: 0.5 },
  },
  explained: { t: "fault", realm: 1, error: { ...error, stack: "s", code: "c", hint: "h", permission: "p", scope: { a: null } } },
  failed: { t: "result", realm: 1, call: 1, outcome: { ok: false, error, cause: "threw", cpuMs: 0 } },
  request: { t: "request", realm: 1, request: 0, operation: "x", args: null, token: null, call: null },
  log: { t: "log", realm: 1, level: "info", message: "m", fields: { a: 1 } },
  fault: { t: "fault", realm: 1, error },
  strike: { t: "strike", realm: 1, reason: "slice", detail: "d" },
  gone: { t: "gone", realm: 1, reason: "memory", detail: "d" },
  usage: { t: "usage", realms: [usage] },
  done: { t: "done", task: 1, outcome: { ok: true, value: {} } },
  refused: { t: "done", task: 1, outcome: { ok: false, error } },
};
