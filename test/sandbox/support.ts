import type { CallOutcome, GoneReason, RealmSpec, RequestOutcome } from "../../src/bridge/realm-spec.ts";
import type { Clock } from "../../src/clock.ts";
import { registrationId } from "../../src/ids.ts";
import type { Json } from "../../src/json.ts";
import type { PluginHost, Realm, RealmEvents, RealmRequest } from "../../src/sandbox/port.ts";
import type { WireError } from "../../src/sdk/boundary/wire.ts";
import { startInProcessHost } from "../../src/testing/in-process-host.ts";

export const DEADLINE = 20_000;

export interface Seen {
  readonly requests: RealmRequest[];
  readonly logs: { level: string; message: string; fields: { readonly [key: string]: Json } }[];
  readonly faults: WireError[];
  readonly strikes: { reason: string; detail: string }[];
  gone: { reason: GoneReason; detail: string }[];
  readonly events: RealmEvents;
}

export function watcher(
  answer: (request: RealmRequest) => RequestOutcome | Promise<RequestOutcome> = () => ({ ok: true, value: null }),
): Seen {
  const seen = {
    requests: [] as RealmRequest[],
    logs: [] as Seen["logs"],
    faults: [] as WireError[],
    strikes: [] as Seen["strikes"],
    gone: [] as Seen["gone"],
  };
  return {
    ...seen,
    events: {
      async request(request) {
        seen.requests.push(request);
        return await answer(request);
      },
      log: (level, message, fields) => void seen.logs.push({ level, message, fields }),
      fault: (error) => void seen.faults.push(error),
      strike: (reason, detail) => void seen.strikes.push({ reason, detail }),
      storageUsed: () => undefined,
      gone: (reason, detail) => void seen.gone.push({ reason, detail }),
    },
  };
}

export function spec(code: string, change: Partial<RealmSpec> = {}): RealmSpec {
  return {
    plugin: "probe",
    version: "1.0.0",
    code,
    limits: { memoryMb: 16, sliceMs: 100, timeoutS: 10, storageMb: 16 },
    config: {},
    capabilities: {},
    permissions: { granted: [], denied: [], requested: [] },
    tokens: {},
    database: null,
    gatewayVersion: "1.0.0",
    language: "en",
    ...change,
  };
}

/** A plugin whose `run` commands are functions by name: `body` is a list of object members. */
export function probe(members: string): string {
  return `import * as sdk from "zephyrgate";
const { Plugin, PermissionDenied } = sdk;
const { apply } = Reflect;
const actions = { ${members} };
export default class Probe extends Plugin {
  initialize() { this.registerPluginMessageHandler(function (m) { return apply(actions[m.name], this, m.args ?? []); }); }
}`;
}

export interface Probe {
  readonly realm: Realm;
  readonly seen: Seen;
  act(name: string, ...args: Json[]): Promise<CallOutcome>;
  value(name: string, ...args: Json[]): Promise<Json>;
}

export async function openProbe(
  host: PluginHost,
  members: string,
  change: Partial<RealmSpec> = {},
  seen: Seen = watcher(),
): Promise<Probe> {
  const opened = await host.open(spec(probe(members), change), seen.events);
  if (!opened.ok) throw opened.error;
  const realm = opened.value;
  const ready = await realm.call({ kind: "lifecycle", hook: "initialize" }, [], DEADLINE).outcome;
  if (!ready.ok) throw new TypeError(JSON.stringify(ready));
  const act = (name: string, ...args: Json[]) =>
    realm.call({ kind: "handler", registration: registrationId(1) }, [{ name, args }], DEADLINE).outcome;
  return {
    realm,
    seen,
    act,
    async value(name, ...args) {
      const outcome = await act(name, ...args);
      if (!outcome.ok) throw new TypeError(JSON.stringify(outcome));
      return outcome.value;
    },
  };
}

export async function withHost<T>(work: (host: PluginHost) => Promise<T>, clock?: Clock): Promise<T> {
  const host = await startInProcessHost(clock === undefined ? {} : { clock });
  try {
    return await work(host);
  } finally {
    await host.stop();
  }
}
