import { fail, ok, type Result } from "../../errors.ts";
import type { Handle, RegistrationId } from "../../ids.ts";
import type { Registrar, RegistrationFacts } from "./registrar.ts";
import type { CheckedRegistration } from "./registration.ts";

/** Registrations of each kind that one plugin may have. */
export const MAX_REGISTRATIONS = 200;
/** Characters of JSON of all registrations of one plugin: names, help, usage, menu texts. */
export const MAX_REGISTERED_CHARS = 192 * 1024;

type Kind = CheckedRegistration["kind"];

export interface Entry {
  readonly handle: Handle;
  readonly key: string;
  /** Of JSON. */
  readonly chars: number;
  readonly registration: CheckedRegistration;
  readonly facts: RegistrationFacts;
  readonly phase: Phase;
}

export type Phase = "initialize" | "start" | "running";

/**
 * Lasting numbers for a plugin's handlers: the same command keeps its number over restart and reload, so that router,
 * menus and schedule need not know that the realm behind it is another one.
 */
export class Handles {
  readonly #numbers = new Map<string, Handle>();

  constructor(private readonly next: () => Handle) {}

  /** A handler that was taken back for good: without this a plugin that registers for ever would fill the table. */
  forget(key: string): void {
    this.#numbers.delete(key);
  }

  /** Keys that have a number. */
  get size(): number {
    return this.#numbers.size;
  }

  of(key: string): Handle {
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    const number = this.next();
    this.#numbers.set(key, number);
    return number;
  }
}

/** Which registrar holds a kind; plugin messages have none. */
export type RegistrarOf = (kind: Kind) => Registrar | null;

/**
 * What one load of a plugin registered. Until {@link commit} nothing of it is visible outside, so a load that fails
 * leaves no trace and a reload swaps all at once; after it each change takes effect immediately.
 */
export class Registrations {
  readonly #entries = new Map<RegistrationId, Entry>();
  readonly #keys = new Set<string>();
  #committed = false;
  #chars = 0;
  /** The hook that the plugin is in: what `start` registers is removed before `start` runs again. */
  phase: Phase = "initialize";

  constructor(
    private readonly plugin: string,
    private readonly handles: Handles,
    private readonly registrarOf: RegistrarOf,
  ) {}

  add(registration: CheckedRegistration, facts: RegistrationFacts): Result<Handle> {
    if (this.#entries.has(registration.id)) return fail("conflict", `registration ${registration.id} exists already`);
    if (this.count(registration.kind) >= MAX_REGISTRATIONS) {
      return fail("quota_exceeded", `a plugin may have ${MAX_REGISTRATIONS} registrations of kind ${registration.kind}`, {
        hint: "dispose of some first",
      });
    }
    const chars = JSON.stringify(registration).length;
    if (this.#chars + chars > MAX_REGISTERED_CHARS) {
      const message = `the names and texts of all registrations of a plugin have at most ${MAX_REGISTERED_CHARS / 1024} KB`;
      return fail("quota_exceeded", message, { hint: "shorten help, usage and descriptions" });
    }
    const key = this.#key(registration);
    if (this.#keys.has(key))
      return fail("conflict", `${describe(registration)} is registered already by this plugin`, { hint: "dispose of the first one" });
    const registrar = this.registrarOf(registration.kind);
    const checked = registrar?.check(this.plugin, registration, facts) ?? ok(null);
    if (!checked.ok) return checked;
    const entry = { handle: this.handles.of(key), key, chars, registration, facts, phase: this.phase };
    if (this.#committed && registrar !== null) {
      const added = registrar.add(this.plugin, entry.handle, registration, facts);
      if (!added.ok) return added;
    }
    this.#entries.set(registration.id, entry);
    this.#keys.add(key);
    this.#chars += chars;
    return ok(entry.handle);
  }

  /** Makes all of it visible in place of `previous`. The first refusal undoes what was added. */
  commit(previous: Registrations | null): Result<null> {
    previous?.withdraw();
    for (const entry of this.#entries.values()) {
      const added = this.registrarOf(entry.registration.kind)?.add(this.plugin, entry.handle, entry.registration, entry.facts) ?? ok(null);
      if (!added.ok) {
        this.#removeAll();
        return added;
      }
    }
    this.#committed = true;
    return ok(null);
  }

  /** The plugin takes it back: its number is free as well. */
  dispose(id: RegistrationId): Entry | null {
    const entry = this.#remove(id);
    if (entry !== null) this.handles.forget(entry.key);
    return entry;
  }

  #remove(id: RegistrationId): Entry | null {
    const entry = this.#entries.get(id);
    if (entry === undefined) return null;
    this.#chars -= entry.chars;
    this.#entries.delete(id);
    this.#keys.delete(entry.key);
    if (this.#committed) this.registrarOf(entry.registration.kind)?.remove(this.plugin, entry.handle);
    return entry;
  }

  /** Before the plugin is started a second time: otherwise what its first start registered would be there twice. */
  forgetStart(): void {
    for (const [id, entry] of [...this.#entries]) if (entry.phase !== "initialize") this.#remove(id);
  }

  /** Makes all of it invisible and keeps it, so that it can be committed again. */
  withdraw(): void {
    if (this.#committed) this.#removeAll();
    this.#committed = false;
  }

  clear(): void {
    this.withdraw();
    this.#entries.clear();
    this.#keys.clear();
    this.#chars = 0;
  }

  entries(): IterableIterator<Entry> {
    return this.#entries.values();
  }

  count(kind?: Kind): number {
    if (kind === undefined) return this.#entries.size;
    let count = 0;
    for (const entry of this.#entries.values()) if (entry.registration.kind === kind) count += 1;
    return count;
  }

  get isCommitted(): boolean {
    return this.#committed;
  }

  counts(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { registration } of this.#entries.values()) counts[registration.kind] = (counts[registration.kind] ?? 0) + 1;
    return counts;
  }

  #removeAll(): void {
    for (const entry of this.#entries.values()) this.registrarOf(entry.registration.kind)?.remove(this.plugin, entry.handle);
  }

  #key(registration: CheckedRegistration): string {
    switch (registration.kind) {
      case "command":
        return `command:${registration.name.toLowerCase()}`;
      case "keyword":
        return `keyword:${registration.pattern.toLowerCase()}`;
      case "task":
        return `task:${registration.name}`;
      case "menu":
        return `menu:${registration.menu}/${registration.parent ?? ""}/${registration.label}`;
      case "event":
        return this.#ordinal(`event:${registration.type}`);
      case "region":
        return this.#ordinal(`region:${registration.topic}`);
      default:
        return this.#ordinal(registration.kind);
    }
  }

  /** There may be several handlers of these kinds: the first free number tells them apart. */
  #ordinal(stem: string): string {
    let number = 1;
    while (this.#keys.has(`${stem}#${number}`)) number += 1;
    return `${stem}#${number}`;
  }
}

export function describe(registration: CheckedRegistration): string {
  switch (registration.kind) {
    case "command":
    case "task":
      return `${registration.kind} ${JSON.stringify(registration.name)}`;
    case "keyword":
      return `keyword ${JSON.stringify(registration.pattern)}`;
    case "menu":
      return `menu item ${JSON.stringify(registration.label)} in ${registration.menu}`;
    case "event":
      return `event handler for ${JSON.stringify(registration.type)}`;
    case "region":
      return `handler of the region's topic ${JSON.stringify(registration.topic)}`;
    default:
      return `${registration.kind} handler`;
  }
}
