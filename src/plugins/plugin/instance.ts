import type { CallOutcome, CallTarget, GoneReason, RequestOutcome } from "../../bridge/realm-spec.ts";
import type { Random } from "../../clock.ts";
import { correlationId } from "../../correlation.ts";
import type { CallNumber, Handle, RegistrationId } from "../../ids.ts";
import type { Json } from "../../json.ts";
import type { Logger } from "../../log/logger.ts";
import type { Manifest } from "../../manifest/schema.ts";
import type { LiveCapabilitySet } from "../../permissions/capability-set.ts";
import type { PermissionName } from "../../permissions/grammar/types.ts";
import type { PluginHost, Realm, RealmEvents, RealmRequest } from "../../sandbox/port.ts";
import type { WireContext, WireError } from "../../sdk/boundary/wire.ts";
import type { CheckedRegistration } from "../registrations/registration.ts";
import type { Registrations } from "../registrations/registrations.ts";
import { Budget } from "./budget.ts";
import { isStorageTrouble } from "./health.ts";
import type { CallMetrics } from "./metrics.ts";
import type { Recording } from "./recording.ts";

/** On whose behalf a call runs: gives correlation, and the place a message without destination goes. */
export interface CallOrigin {
  readonly correlationId: string;
  /** Present when a message from the mesh caused the call. */
  readonly context: WireContext | null;
  /** The interface the message came by. */
  readonly link: string | null;
  /** When the call must have ended, ms of the monotonic clock; absent outside a call. */
  readonly deadline?: number;
}

interface UnderWay {
  readonly origin: CallOrigin;
  /** Whether it has asked the gateway for anything yet: if not, running it again harms nobody. */
  acted: boolean;
}

/** A call that ended because its realm was gone, and had done nothing outside it, may be made again. */
export type Attempt = CallOutcome & { readonly acted: boolean };

/** Answers a plugin's capability call; see capabilities/table.ts. */
export type AnswerCapabilityCall = (instance: Instance, request: RealmRequest, origin: CallOrigin) => Promise<RequestOutcome>;

export interface InstanceDeps {
  readonly plugin: string;
  readonly manifest: Manifest;
  readonly registrations: Registrations;
  readonly capabilitySet: LiveCapabilitySet;
  readonly log: Logger;
  readonly random: Random;
  readonly metrics: CallMetrics;
  readonly now: () => number;
  /** Engine lines to the author's. */
  mapStack(stack: string): string;
  readonly answerCapabilityCall: AnswerCapabilityCall;
  onFailure(source: "strike" | "handler", message: string): void;
  onGone(instance: Instance, reason: GoneReason, detail: string): void;
  /** What this load is recorded in. */
  readonly recording?: Recording | null;
  /** Of its realm; 16 where nothing is said. */
  readonly memoryMb?: number;
}

/** A stack line of the sdk itself. */
const SDK_FRAME = /\bsdk\/[\w/]{1,40}\.ts:\d|^\s*at apply \(native\)$/;
/** Capability calls of one plugin that may wait for an answer at once; more are refused. */
const MAX_REQUESTS = 64;
/** Done at once, and bounded by their own number: initialize() may make hundreds of them in one go. */
const REGISTERING: ReadonlySet<string> = new Set(["register", "dispose"]);

/** One load of one plugin: its realm, its capability set, and the calls that are under way. */
export class Instance {
  /** Realm's registration id by the gateway's lasting handle. */
  readonly handlers = new Map<Handle, RegistrationId>();
  readonly capabilitySet: LiveCapabilitySet;
  readonly plugin: string;
  readonly manifest: Manifest;
  readonly registrations: Registrations;
  readonly budget: Budget;
  #realm: Realm | null = null;
  #host: PluginHost | null = null;
  #requests = 0;
  readonly #names = new Map<RegistrationId, string>();
  #isLost = false;
  readonly #calls = new Map<CallNumber, UnderWay>();

  constructor(private readonly deps: InstanceDeps) {
    this.capabilitySet = deps.capabilitySet;
    this.plugin = deps.plugin;
    this.manifest = deps.manifest;
    this.registrations = deps.registrations;
    this.budget = new Budget({ monotonic: deps.now });
  }

  attach(realm: Realm, host: PluginHost): void {
    this.deps.recording?.onStop(() => realm.unrecord?.());
    this.#realm = realm;
    this.#host = host;
  }

  /** The process it lives in. */
  get host(): PluginHost | null {
    return this.#host;
  }

  get realm(): Realm | null {
    return this.#realm;
  }

  /** Its realm ended by itself, or with its host. */
  get isLost(): boolean {
    return this.#isLost;
  }

  /** Whether the manifest asks for a permission at all: spares the audit log a denial nobody sought. */
  asks(permission: PermissionName): boolean {
    return this.capabilitySet.tokens[permission] !== undefined;
  }

  get memoryMb(): number {
    return this.deps.memoryMb ?? 16;
  }

  get isRecorded(): boolean {
    return (this.deps.recording ?? null) !== null;
  }

  get metrics(): CallMetrics {
    return this.deps.metrics;
  }

  get inFlight(): number {
    return this.#calls.size;
  }

  background(): CallOrigin {
    return { correlationId: correlationId(this.deps.random), context: null, link: null };
  }

  /** Calls into the realm; the outcome is a value, whatever the plugin does. */
  async call(target: CallTarget, args: readonly Json[], timeoutMs: number, origin: CallOrigin): Promise<Attempt> {
    const realm = this.#realm;
    if (realm === null) return { ...goneOutcome("the realm is not open"), acted: false };
    const started = this.deps.now();
    const { id, outcome } = realm.call(target, args, timeoutMs);
    const underWay: UnderWay = { origin: { ...origin, deadline: started + timeoutMs }, acted: false };
    this.#calls.set(id, underWay);
    try {
      const ended = await outcome;
      this.deps.metrics.use(this.#nameOf(target), ended.cpuMs);
      return { ...ended, acted: underWay.acted };
    } finally {
      this.#calls.delete(id);
      this.deps.metrics.record(this.deps.now() - started);
    }
  }

  /** As a profile shows it: the word and name of a registration, or the hook. */
  #nameOf(target: CallTarget): string {
    if (target.kind === "lifecycle") return target.hook;
    if (target.kind === "answer") return "answers to questions";
    if (target.kind !== "handler") return target.kind.replace("_", " ");
    const known = this.#names.get(target.registration);
    if (known !== undefined) return known;
    const [handle] = [...this.handlers].find(([, registration]) => registration === target.registration) ?? [];
    const entry = [...this.registrations.entries()].find((each) => each.handle === handle);
    if (entry === undefined) return "a handler";
    const name = labelOf(entry.registration);
    this.#names.set(target.registration, name);
    return name;
  }

  /** Runs a registered handler by its lasting handle. */
  invoke(handle: Handle, args: readonly Json[], timeoutMs: number, origin: CallOrigin): Promise<Attempt> {
    const registration = this.handlers.get(handle);
    if (registration === undefined) return Promise.resolve({ ...goneOutcome("the handler is no longer registered"), acted: false });
    return this.call({ kind: "handler", registration }, args, timeoutMs, origin);
  }

  /** Gives a handler that waits the answer to its question; `args`: the answer and a fresh context. */
  answer(dialogue: number, args: readonly Json[], timeoutMs: number, origin: CallOrigin): Promise<Attempt> {
    return this.call({ kind: "answer", dialogue }, args, timeoutMs, origin);
  }

  /** What the realm's host tells us; handed to PluginHost.open. */
  readonly events: RealmEvents = {
    request: (request) => this.#request(request),
    log: (level, message, { error_type: name, error_message, stack_trace: stack, ...fields }) => {
      const isError = typeof name === "string" && typeof error_message === "string" && typeof stack === "string";
      const error = isError ? { error: this.inAuthorsLines({ name, message: error_message, stack }) } : {};
      this.deps.log[level](message, { ...fields, ...error, plugin: this.plugin });
    },
    fault: (error) => {
      this.deps.log.error(error.message, { plugin: this.plugin, uncaught: true, error: this.inAuthorsLines(error) });
      if (!isStorageTrouble(error.code)) this.deps.onFailure("handler", error.message);
    },
    strike: (reason, detail) => {
      this.deps.log.warn(`strike: ${reason}: ${detail}`, { plugin: this.plugin });
      this.deps.onFailure("strike", `${reason}: ${detail}`);
    },
    storageUsed: (allowed, denied) => {
      this.deps.metrics.storageCalls += allowed;
      this.deps.metrics.denied += denied;
      this.capabilitySet.decidedElsewhere("database_access", allowed, denied);
    },
    recorded: (text) => this.deps.recording?.take(text),
    gone: (reason, detail) => {
      this.#isLost = true;
      this.deps.recording?.realmEnded(detail);
      this.deps.onGone(this, reason, detail);
    },
  };

  inAuthorsLines(error: WireError): WireError {
    if (error.stack === undefined) return error;
    const lines = error.stack.split("\n").map((line) => [line, this.deps.mapStack(line)] as const);
    // The sdk's own frames are places in our one-line modules; a plugin's file of such a name was mapped.
    return { ...error, stack: lines.flatMap(([line, mapped]) => (line === mapped && SDK_FRAME.test(line) ? [] : [mapped])).join("\n") };
  }

  async close(): Promise<void> {
    this.capabilitySet.close();
    const realm = this.#realm;
    this.#realm = null;
    this.handlers.clear();
    await realm?.close();
    this.deps.recording?.realmEnded("it was stopped");
  }

  async #request(request: RealmRequest): Promise<RequestOutcome> {
    const counts = !REGISTERING.has(request.operation);
    if (counts && this.#requests >= MAX_REQUESTS)
      return refused("RateLimited", `more than ${MAX_REQUESTS} calls wait for an answer`, "rate_limited");
    const underWay = request.call === null ? undefined : this.#calls.get(request.call);
    if (underWay !== undefined) underWay.acted = true;
    const origin = underWay?.origin ?? this.background();
    if (counts) this.#requests += 1;
    try {
      return await this.deps.answerCapabilityCall(this, request, origin);
    } catch (thrown) {
      // A fault of ours must not reach the realm with its detail, nor end the host's session.
      this.deps.log.error(`operation ${request.operation} failed`, {
        plugin: this.plugin,
        error: thrown,
        correlation_id: origin.correlationId,
      });
      return refused("InternalError", "the gateway could not carry out this call", "internal");
    } finally {
      if (counts) this.#requests -= 1;
    }
  }
}

function labelOf(registration: CheckedRegistration): string {
  switch (registration.kind) {
    case "command":
    case "task":
      return `${registration.kind} ${registration.name}`;
    case "keyword":
      return `keyword ${registration.pattern}`;
    case "menu":
      return `menu ${registration.menu}: ${registration.label}`;
    case "event":
      return `event ${registration.type}`;
    default:
      return registration.kind.replace("_", " ");
  }
}

export function refused(name: string, message: string, code: string, more: Partial<WireError> = {}): RequestOutcome {
  return { ok: false, error: { name, message, code, ...more } };
}

export function goneOutcome(message: string): CallOutcome {
  return { ok: false, cause: "gone", error: { name: "RealmGone", message, code: "realm_gone" }, cpuMs: 0 };
}
