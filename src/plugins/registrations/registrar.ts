import type { Result } from "../../errors.ts";
import type { Handle } from "../../ids.ts";
import type { CheckedRegistration } from "./registration.ts";

export interface RegistrationFacts {
  /** The capability set allows `override_commands` for this name. */
  readonly mayOverride: boolean;
}

/** Who takes a registration: router, menu, schedule or event feed. */
export interface Registrar {
  /** Whether it would be accepted. Says what is wrong and how to fix it. */
  check(plugin: string, registration: CheckedRegistration, facts: RegistrationFacts): Result<null>;
  add(plugin: string, handle: Handle, registration: CheckedRegistration, facts: RegistrationFacts): Result<null>;
  remove(plugin: string, handle: Handle): void;
}
