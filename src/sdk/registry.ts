/** What the plugin has registered: handlers by number, and the refusals that make initialize() fail. */
import { PermissionDenied, PluginError } from "./boundary/errors.ts";
import { CORE_EVENTS, eventNameProblem, permissionOfRegistration } from "./boundary/operations.ts";
import type { Registration, RegistrationKind } from "./boundary/wire.ts";
import { demand, isGranted } from "./permissions.ts";
import { fault, request, service, state } from "./realm/link.ts";
import {
  field,
  isArray,
  join,
  mapDelete,
  mapGet,
  mapSet,
  NativeMap,
  NativeString,
  NativeTypeError,
  push,
  splice,
  toLowerCase,
  whenSettled,
} from "./realm/primordials.ts";
import type { RegistrationHandle } from "./types/handlers.ts";

type Handler = (...args: never[]) => unknown;

/** A handler and what it was registered as. */
export interface Registered {
  readonly kind: RegistrationKind;
  readonly run: Handler;
}

/** As Omit, but over each member of the union. */
type Without<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

const handlers = new NativeMap<number, Registered>();
const pending: Promise<unknown>[] = [];
let next = 1;

/** The handler of a registration; undefined once it was disposed. */
export function handlerOf(id: number): Registered | undefined {
  return mapGet(handlers, id);
}

/** Sends one registration. Throws at once what can be known here; what the gateway refuses fails initialize(). */
export function register(registration: Without<Registration, "id">, handler: unknown): RegistrationHandle {
  if (typeof handler !== "function") throw new NativeTypeError(`The handler of ${nameOf(registration)} is not a function`);
  if (registration.kind === "event") demandEventName(registration.type);
  demandDeclared(registration);
  const permission = permissionFor(registration);
  const id = next++;
  const answer = request("register", { ...registration, id } as Registration);
  if (permission !== null && !(isGranted(permission) && isCovered(registration))) {
    // The gateway has been asked, so that its audit log has the denial; the plugin hears of it now.
    whenSettled(
      answer,
      () => {},
      () => {},
    );
    if (registration.kind === "command") throw reserved(registration.name);
    if (registration.kind === "region") throw uncovered(registration.topic);
    demand(permission, nameOf(registration));
  }
  mapSet(handlers, id, { kind: registration.kind, run: handler as Handler });
  track(answer, id);
  return {
    dispose() {
      if (!mapDelete(handlers, id)) return;
      whenSettled(request("dispose", { registration: id }), () => {}, fault);
    },
  };
}

let initializing = false;

function track(answer: Promise<unknown>, id: number): void {
  if (initializing) push(pending, answer);
  const refused = (reason: unknown) => {
    mapDelete(handlers, id);
    if (!initializing) fault(reason);
  };
  whenSettled(answer, () => {}, refused);
}

/** From here on registrations are waited for by {@link settled}. */
export function beginInitialize(): void {
  initializing = true;
}

/** Calls back once every registration of initialize() was answered, with the first refusal if there is one. */
export function settled(done: () => void, failed: (reason: unknown) => void): void {
  const first = pending[0];
  if (first === undefined) {
    initializing = false;
    done();
    return;
  }
  splice(pending, 0, 1);
  whenSettled(
    first,
    () => settled(done, failed),
    (reason) => {
      initializing = false;
      splice(pending, 0, pending.length);
      failed(reason);
    },
  );
}

function nameOf(registration: Without<Registration, "id">): string {
  switch (registration.kind) {
    case "command":
      return `command ${registration.name}`;
    case "keyword":
      return `keyword ${registration.pattern}`;
    case "task":
      return `task ${registration.name}`;
    case "menu":
      return `menu item ${registration.label}`;
    case "event":
      return `event ${registration.type}`;
    case "region":
      return `topic ${registration.topic}`;
    default:
      return `${registration.kind} handler`;
  }
}

/** The permission that registering needs here: of commands only reserved words. */
function permissionFor(registration: Without<Registration, "id">): string | null {
  if (registration.kind === "command" && !isReserved(toLowerCase(NativeString(registration.name)))) return null;
  return permissionOfRegistration(registration);
}

/** Whether the scope covers it, where the host can say so at once. */
function isCovered(registration: Without<Registration, "id">): boolean {
  if (registration.kind !== "region") return true;
  return service("permission_query", { region: { topics: [registration.topic] } }) === "granted";
}

function uncovered(topic: string): PermissionDenied {
  return new PermissionDenied("region", `topic ${topic}`, `add to the manifest:\npermissions:\n  - region: { topics: [${topic}] }`);
}

function reserved(word: string): PermissionDenied {
  const hint = `add to the manifest:\npermissions:\n  - override_commands: { names: [${word}] }`;
  return new PermissionDenied("override_commands", `command ${word}`, hint, `The command ${word} is reserved`);
}

/** As the router has it; a test holds them equal. */
function isReserved(word: string): boolean {
  return word === "help" || word === "sos" || word === "sosp" || word === "sosf" || word === "sosm" || word === "mayday";
}

function demandEventName(type: string): void {
  const problem = eventNameProblem(type);
  if (problem === null) return;
  const hint = `the gateway's own are ${join(CORE_EVENTS, ", ")}; those of plugins are named plugin.event`;
  throw new PluginError("invalid_argument", problem, hint);
}

function demandDeclared(registration: Without<Registration, "id">): void {
  const missing = undeclared(registration);
  if (missing === null) return;
  throw new PluginError(
    "invalid_argument",
    `The ${nameOf(registration)} is not declared`,
    `add to the manifest:\ncapabilities:\n${missing}`,
  );
}

/** The YAML lines that are missing, or null. */
function undeclared(registration: Without<Registration, "id">): string | null {
  switch (registration.kind) {
    case "command": {
      const words = [registration.name];
      const aliases = registration.aliases ?? [];
      for (let at = 0; at < aliases.length; at++) push(words, aliases[at] ?? "");
      for (let at = 0; at < words.length; at++) {
        const word = words[at] ?? "";
        if (commandDeclared(word)) continue;
        if (at === 0) return `  commands:\n    - name: ${word}\n      description: "${registration.help ?? "..."}"`;
        return `  commands:\n    - name: ${registration.name}\n      aliases: [${word}]`;
      }
      return null;
    }
    case "keyword":
      if (declared("keywords", "pattern", registration.pattern)) return null;
      return `  keywords:\n    - pattern: ${NativeString(registration.pattern)}\n      description: "..."`;
    case "task": {
      if (declared("scheduled_tasks", "name", registration.name)) return null;
      const when = registration.cron === undefined ? `interval: ${registration.interval ?? 3600}` : `cron: "${registration.cron}"`;
      return `  scheduled_tasks:\n    - name: ${registration.name}\n      ${when}`;
    }
    case "menu":
      if (menuDeclared(registration)) return null;
      return `  menu_items:\n    - menu: ${registration.menu}\n      label: "${registration.label}"\n      command: ${registration.command ?? "..."}`;
    default:
      return null;
  }
}

function list(name: string): readonly unknown[] {
  const entries = field(state.opening.capabilities, name);
  return isArray(entries) ? entries : [];
}

type Words = Map<unknown, boolean>;
/** By section. Read once: hundreds of registrations, each against hundreds of declarations, would use up a slice. */
const known = new NativeMap<string, Words>();

function declared(section: string, key: string, value: string): boolean {
  return (
    mapGet(
      wordsOf(section, (entry, words) => mapSet(words, field(entry, key), true)),
      value,
    ) === true
  );
}

function commandDeclared(word: string): boolean {
  const words = wordsOf("commands", (entry, into) => {
    const name = field(entry, "name");
    if (typeof name === "string") mapSet(into, toLowerCase(name), true);
    const aliases = field(entry, "aliases");
    if (!isArray(aliases)) return;
    for (let index = 0; index < aliases.length; index++) mapSet(into, toLowerCase(NativeString(aliases[index])), true);
  });
  return mapGet(words, toLowerCase(NativeString(word))) === true;
}

/** By its label, or by the word that chooses it: a label may be in another language than the manifest's. */
function menuDeclared({ menu, label, command }: { menu: string; label: string; command?: string | undefined }): boolean {
  const words = wordsOf("menu_items", (entry, into) => {
    const place = NativeString(field(entry, "menu"));
    mapSet(into, `${place}\nlabel\n${NativeString(field(entry, "label"))}`, true);
    const word = field(entry, "command");
    if (typeof word === "string") mapSet(into, `${place}\ncommand\n${word}`, true);
  });
  if (mapGet(words, `${menu}\nlabel\n${label}`) === true) return true;
  return command !== undefined && mapGet(words, `${menu}\ncommand\n${command}`) === true;
}

function wordsOf(section: string, add: (entry: unknown, words: Words) => void): Words {
  const read = mapGet(known, section);
  if (read !== undefined) return read;
  const words: Words = new NativeMap<unknown, boolean>();
  mapSet(known, section, words);
  const entries = list(section);
  for (let at = 0; at < entries.length; at++) add(entries[at], words);
  return words;
}
