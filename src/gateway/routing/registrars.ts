import { fail, ok, type Result } from "../../errors.ts";
import { type Handle, NO_HANDLE } from "../../ids.ts";
import type { MenuRegistry } from "../../menu/registry.ts";
import type { Registrar } from "../../plugins/registrations/registrar.ts";
import type { CheckedRegistration } from "../../plugins/registrations/registration.ts";
import type { Registry } from "../../router/match/registry.ts";
import type { Schedule } from "../../schedule/schedule.ts";
import type { TaskSpec } from "../../schedule/task-spec.ts";

/**
 * During a reload the registrations of the old version are still present, so a conflict with them is ignored here.
 * Registrations finds duplicates within one version.
 */
function despiteOldVersion(checked: Result<null>): Result<null> {
  return !checked.ok && checked.error.code === "conflict" ? ok(null) : checked;
}

function wrongKind(registration: CheckedRegistration): Result<never> {
  return fail("internal", `a registration of kind ${registration.kind} went to the wrong room`);
}

export function menuRegistrar(registry: MenuRegistry): Registrar {
  const itemOf = (plugin: string, handle: Handle, registration: CheckedRegistration & { kind: "menu" }) => {
    const { kind: _, id: __, ...rest } = registration;
    return { ...rest, plugin, handle };
  };
  return {
    check: (plugin, registration) =>
      registration.kind === "menu" ? despiteOldVersion(registry.check(itemOf(plugin, NO_HANDLE, registration))) : wrongKind(registration),
    add: (plugin, handle, registration) =>
      registration.kind === "menu" ? registry.add(itemOf(plugin, handle, registration)) : wrongKind(registration),
    remove: (plugin, handle) => registry.remove(plugin, handle),
  };
}

export function scheduleRegistrar(schedule: Schedule, minIntervalS: (plugin: string) => number): Registrar {
  const specOf = (plugin: string, handle: Handle, task: CheckedRegistration & { kind: "task" }): TaskSpec => ({
    plugin,
    name: task.name,
    handle,
    intervalS: task.interval,
    cron: task.cron,
    timezone: task.timezone,
    runAtStart: task.runAtStart,
    catchUp: task.catchUp,
    minIntervalS: minIntervalS(plugin),
  });
  return {
    check: (plugin, registration) =>
      registration.kind === "task" ? despiteOldVersion(schedule.check(specOf(plugin, NO_HANDLE, registration))) : wrongKind(registration),
    add: (plugin, handle, registration) =>
      registration.kind === "task" ? schedule.add(specOf(plugin, handle, registration)) : wrongKind(registration),
    remove: (plugin, handle) => schedule.remove(plugin, handle),
  };
}

export function routerRegistrar(registry: Registry): Registrar {
  return {
    check: (plugin, registration, facts) => despiteOldVersion(registry.check(plugin, registration, facts)),
    add: (plugin, handle, registration, facts) => registry.add(plugin, handle, registration, facts),
    remove: (plugin, handle) => registry.remove(plugin, handle),
  };
}
