import type { CallOutcome, CallTarget, RequestOutcome } from "../../src/bridge/realm-spec.ts";
import { EventBus } from "../../src/bus.ts";
import { type Clock, systemRandom } from "../../src/clock.ts";
import { fail, ok } from "../../src/errors.ts";
import type { CoreEvents } from "../../src/events/core.ts";
import { callNumber, handleNumber, realmNumber } from "../../src/ids.ts";
import type { Json } from "../../src/json.ts";
import { silentLogger } from "../../src/log/logger.ts";
import { parseManifest } from "../../src/manifest/parse.ts";
import type { Manifest } from "../../src/manifest/schema.ts";
import { Broker } from "../../src/permissions/broker.ts";
import type { LiveCapabilitySet } from "../../src/permissions/capability-set.ts";
import type { PluginServices } from "../../src/plugins/capabilities/call/ports.ts";
import { answerCapabilityCalls } from "../../src/plugins/capabilities/table.ts";
import { Instance } from "../../src/plugins/plugin/instance.ts";
import { CallMetrics } from "../../src/plugins/plugin/metrics.ts";
import { type Load, Plugin } from "../../src/plugins/plugin/plugin.ts";
import type { CheckedRegistration } from "../../src/plugins/registrations/registration.ts";
import { Handles, Registrations } from "../../src/plugins/registrations/registrations.ts";
import type { PluginHost, Realm } from "../../src/sandbox/port.ts";
import { type OperationName, permissionOf } from "../../src/sdk/boundary/operations.ts";
import { LINK } from "../api/fake-control.ts";
import { FakeClock } from "../fake-clock.ts";
import { setOf } from "../permissions/support.ts";

export function manifestOf(fields: { readonly [key: string]: Json } = {}): Manifest {
  const text = JSON.stringify({ name: "mine", version: "1.0.0", description: "x", author: "y", ...fields });
  const parsed = parseManifest(text, "manifest.yaml");
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
  return parsed.value;
}

interface Audited {
  readonly permission: string;
  readonly result: string;
  readonly correlationId: string;
}

/** A real capability set of a real broker, what it decided, and the forgeries it found. */
export function grantedSet(entries: readonly unknown[], plugin = "mine") {
  const audited: Audited[] = [];
  const forgeries: string[] = [];
  const broker = new Broker({
    clock: new FakeClock(1_700_000_000_000),
    random: systemRandom,
    audit: { record: (each) => void audited.push(each) },
    onForgery: (_, { kind }) => void forgeries.push(kind),
  });
  const granted = setOf(...entries);
  return { capabilitySet: broker.open(plugin, { requested: granted, granted, layers: [] }), audited, forgeries };
}

export function instanceOf(capabilitySet: LiveCapabilitySet, manifest: Manifest = manifestOf()): Instance {
  let handles = 0;
  const next = () => {
    handles += 1;
    return handleNumber(handles);
  };
  return new Instance({
    plugin: capabilitySet.plugin,
    manifest,
    registrations: new Registrations(capabilitySet.plugin, new Handles(next), () => null),
    capabilitySet,
    log: silentLogger,
    random: systemRandom,
    metrics: new CallMetrics(),
    now: () => 0,
    mapStack: (stack) => stack,
    answerCapabilityCall: () => Promise.reject(new Error("not used here")),
    onFailure: () => undefined,
    onGone: () => undefined,
  });
}

/** Services that write down what was done through them. */
export function recordedServices(): { services: PluginServices; done: string[] } {
  const done: string[] = [];
  const did = <T>(what: string, value: T): T => {
    done.push(what);
    return value;
  };
  const bus = new EventBus<CoreEvents>(() => undefined);
  bus.on("plugin_event", ({ plugin, type }) => void done.push(`event ${plugin} ${type}`));
  const services: PluginServices = {
    bus,
    outbox: {
      enqueue: (request) => did(`enqueue ${request.text} ${request.priority}`, ok({ id: "m_1", stored: Promise.resolve(ok(null)) })),
      get: (id) => did(`status ${id}`, null),
      parts: () => 1,
    },
    egress: {
      request: async ({ method, url }, { plugin, allow }) => {
        const { hostname: host } = new URL(url);
        const decision = allow({ permission: "http_requests", method, host, port: 443, secure: true, isPrivate: false });
        if (!decision.allowed) return { ok: false, error: { code: "permission_denied", message: decision.hint } };
        return did(`http ${plugin} ${url}`, { ok: true, status: 200, headers: {}, body: "", url });
      },
    },
    nodes: {
      find: (key) => did(`find ${key}`, fail("not_found", "no such node")),
      resolve: () => ok(7),
      get: () => undefined,
      shareMesh: () => false,
      all: () => did("all nodes", []),
    },
    requests: {
      position: async (to) => did(`position ${to}`, ok({ position: { latitude: 1, longitude: 2 } })),
      telemetry: async (to, kind) => did(`telemetry ${to} ${kind}`, ok({ telemetry: { type: "device_metrics" } })),
      traceroute: async (to) => did(`traceroute ${to}`, ok({ route: { towards: [], back: [] } })),
    },
    links: () => [LINK],
    channelsTold: async () => false,
    alarms: { operators: () => ["!0000000f"], channels: () => ["base/1", "Rescue"] },
    secrets: { get: (plugin, name) => did(`secret ${plugin} ${name}`, ok("s")) },
    peers: {
      list: () => did("list", []),
      send: async (to, { from, type, timeoutMs }) => did(`send ${from} ${to} ${type} ${timeoutMs}`, { ok: true, value: "pong" }),
      broadcast: async ({ from, type }, mayReach) => did(`broadcast ${from} ${type} ${["a", "b"].filter(mayReach)}`, []),
    },
    permissions: {
      request: (plugin) => did(`request ${plugin}`, ok("prompt")),
      revoke: (plugin) => did(`revoke ${plugin}`, ok("prompt")),
    },
    region: {
      sites: () => did("sites", []),
      publish: (plugin, topic, body, site) => did(`publish ${plugin} ${topic} ${JSON.stringify(body)} ${site}`, ok({ sites: 2 })),
      store: (plugin, key, value, { ttlS, site }) => did(`store ${plugin} ${key} ${JSON.stringify(value)} ${ttlS} ${site}`, ok(null)),
      retrieve: (plugin, key) => did(`retrieve ${plugin} ${key}`, [1]),
      remove: (plugin, key) => did(`remove ${plugin} ${key}`, ok(true)),
      list: (plugin, prefix) => did(`list ${plugin} ${prefix}`, ["mine/a", "mine/b", "other", "third/x"]),
      entries: (plugin, prefix, after) => did(`entries ${plugin} ${prefix}${after}`, { entries: [], next: null }),
    },
  };
  return { services, done };
}

/** One capability call as the plugin host makes it: with the token of the permission that the operation names. */
export function callOf(
  instance: Instance,
  services: PluginServices,
  operation: OperationName | string,
  args: Json,
): Promise<RequestOutcome> {
  const permission = permissionOf(operation, args);
  const tokens: Readonly<Record<string, string>> = instance.capabilitySet.tokens;
  const token = permission === null ? null : (tokens[permission] ?? null);
  return callWith(instance, services, { operation, args, token });
}

export function callWith(
  instance: Instance,
  services: PluginServices,
  { operation, args, token }: { operation: string; args: Json; token: string | null },
): Promise<RequestOutcome> {
  const request = { operation, args, token, call: null, signal: new AbortController().signal };
  return answerCapabilityCalls(services)(instance, request, { correlationId: "c1", context: null, link: null });
}

/** Answers a call into the realm; by default `null`. */
export type Answer = (target: CallTarget, args: readonly Json[], timeoutMs: number) => CallOutcome | Promise<CallOutcome>;

export const answered = (value: Json): CallOutcome => ({ ok: true, value, cpuMs: 0 });
export const failedBy = (cause: "threw" | "timeout" | "gone" | "overloaded", message: string = cause): CallOutcome => ({
  ok: false,
  cause,
  error: { name: "Error", message },
  cpuMs: 0,
});

/** A load whose realm is `answer`. */
export function scripted(instance: Instance, answer: Answer = () => answered(null)): Instance {
  let calls = 0;
  const realm: Realm = {
    number: realmNumber(1),
    plugin: instance.plugin,
    call: (target, args, timeoutMs) => {
      calls += 1;
      return { id: callNumber(calls), outcome: Promise.resolve(answer(target, args, timeoutMs)) };
    },
    update: () => undefined,
    pause: () => undefined,
    usage: () => ({ cpuMs: 0, memoryBytes: 0, storageBytes: 0, storageCalls: 0, storageDenied: 0, timers: 0, queueDepth: 0 }),
    close: async () => undefined,
  };
  instance.attach(realm, NO_HOST);
  return instance;
}

const NO_HOST: PluginHost = {
  pid: null,
  walls: [],
  open: async () => fail("internal", "not used here"),
  backupDatabase: async () => ok(null),
  takeInDatabase: async () => ok({ rows: {}, left: [] }),
  releaseDatabase: async () => ok(null),
  validateConfig: async () => ok([]),
  exited: new Promise(() => undefined),
  stop: async () => undefined,
};

/** A plugin whose load is `instance`; `registered` are its handlers, numbered from 1. */
export function runningPlugin(instance: Instance, registered: readonly CheckedRegistration[] = [], clock: Clock = new FakeClock()): Plugin {
  for (const registration of registered) {
    const added = instance.registrations.add(registration, { mayOverride: false });
    if (!added.ok) throw added.error;
    instance.handlers.set(added.value, registration.id);
  }
  const candidate = { name: instance.plugin, manifest: instance.manifest, bundled: false, path: `/p/${instance.plugin}` };
  const limits = { max_failures: 3, max_restarts: 3, backoff_s: 1, backoff_max_s: 60, reset_after: 10 };
  const plugin = new Plugin(candidate, {
    clock,
    limits: () => limits,
    nextHandle: () => handleNumber(1),
    onMove: () => undefined,
    onIllegal: (_, from, to) => {
      throw new Error(`${from} does not lead to ${to}`);
    },
  });
  plugin.loading();
  plugin.running(loadOf(instance));
  return plugin;
}

export function loadOf(instance: Instance): Load {
  const bundle = { code: "", hash: "c1", mapStack: (stack: string) => stack };
  return { instance, bundle, config: {}, timeoutS: 5 };
}
