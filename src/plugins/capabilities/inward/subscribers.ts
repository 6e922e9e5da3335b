import { ok, type Result } from "../../../errors.ts";
import type { Handle } from "../../../ids.ts";
import type { Registrar } from "../../registrations/registrar.ts";
import type { CheckedRegistration } from "../../registrations/registration.ts";

export interface Subscriber {
  readonly plugin: string;
  readonly handle: Handle;
}

/** Which plugins hear which event: so that an event costs what its listeners cost, however many plugins there are. */
export class Subscribers implements Registrar {
  readonly #byType = new Map<string, Subscriber[]>();

  /** @param subscribed told of each new subscription: what is announced may have to be followed first */
  constructor(private readonly subscribed: (plugin: string, type: string) => void = () => undefined) {}

  of(type: string): readonly Subscriber[] {
    return this.#byType.get(type) ?? [];
  }

  check(): Result<null> {
    return ok(null);
  }

  add(plugin: string, handle: Handle, registration: CheckedRegistration): Result<null> {
    if (registration.kind !== "event") return ok(null);
    // A new list each time: one that is being walked stays as it is.
    this.#byType.set(registration.type, [...this.of(registration.type), { plugin, handle }]);
    this.subscribed(plugin, registration.type);
    return ok(null);
  }

  remove(plugin: string, handle: Handle): void {
    for (const [type, list] of this.#byType) {
      const left = list.filter((each) => each.plugin !== plugin || each.handle !== handle);
      if (left.length === 0) this.#byType.delete(type);
      else if (left.length < list.length) this.#byType.set(type, left);
    }
  }
}
