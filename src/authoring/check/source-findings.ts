/** What the words of the source show without running it. */
import type { Finding } from "./finding.ts";
import type { Scan, Unstorable, Use } from "./scan.ts";
import type { Subject } from "./subject.ts";

const STORE_INSTEAD: Readonly<Record<Unstorable, string>> = {
  Date: "store date.getTime() or date.toISOString(), and make a Date of it when you read it",
  Map: "store [...map], and make a Map of it when you read it",
  Set: "store [...set], and make a Set of it when you read it",
  function: "store what the function needs",
};

export function sourceFindings(subject: Subject, found: Scan): Finding[] {
  return [
    ...forgottenAwaits(subject.folder, found),
    ...missingPermissions(subject, found),
    ...shortTimers(subject, found),
    ...unstorable(subject, found),
  ];
}

function shortTimers({ folder, manifest }: Subject, { intervals }: Scan): Finding[] {
  if (manifest.permissions.some(({ name }) => name === "schedule_tasks")) return [];
  return intervals.map((use) => ({
    level: "warning",
    ...placeOfUse(folder, use),
    message: "setInterval() ends with the call that started it: timers live longer only with schedule_tasks",
    hint: "add to permissions: - schedule_tasks; or use registerScheduledTask",
  }));
}

function unstorable({ folder }: Subject, { unstorable: uses }: Scan): Finding[] {
  return uses.map(({ use, value }) => ({
    level: "warning",
    ...placeOfUse(folder, use),
    message: `${use.what}() keeps JSON, which has no ${value}`,
    hint: STORE_INSTEAD[value],
  }));
}

function forgottenAwaits(folder: string, { forgotten }: Scan): Finding[] {
  return forgotten.map((use) => ({
    level: "warning",
    ...placeOfUse(folder, use),
    message: `${use.what}() is not awaited: its result is a promise, and its failure is lost`,
    hint: `write await before it, or void if that is meant`,
  }));
}

export function missingPermissions({ folder, manifest }: Subject, { uses, asks }: Scan): Finding[] {
  const declared = new Set(manifest.permissions.map((permission) => permission.name));
  const found: Finding[] = [];
  for (const [permission, use] of uses) {
    if (declared.has(permission)) continue;
    const isReply = use.what === "registerCommand" || use.what === "registerMenuItem";
    const message = isReply
      ? `replies of ${use.what} are not sent without ${permission}`
      : `${use.what}() ${use.words}: it needs ${permission}`;
    const level = asks || isReply ? "warning" : "error";
    found.push({
      level,
      ...placeOfUse(folder, use),
      message: `${message}, which the manifest does not ask for`,
      hint: `add to permissions: - ${permission}`,
    });
  }
  return found;
}

export function placeOfUse(folder: string, { file, line, column }: Use) {
  return { file: `${folder}/${file}`, line, column };
}
