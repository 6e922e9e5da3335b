/** What the rehearsal showed. */

import { registrationId } from "../../ids.ts";
import { FILE_LIMITS, parseJson } from "../../json-reader.ts";
import type { Manifest } from "../../manifest/schema.ts";
import { PARTS_MAX, splitText } from "../../mesh/codec/text.ts";
import { printText } from "../../permissions/grammar/descriptor.ts";
import type { PermissionName } from "../../permissions/grammar/types.ts";
import { describe } from "../../plugins/registrations/registrations.ts";
import { type Finding, located } from "./finding.ts";
import type { Rehearsal } from "./rehearse.ts";
import type { Scan } from "./scan.ts";
import { missingPermissions, placeOfUse } from "./source-findings.ts";
import { mainOf, type Subject } from "./subject.ts";

export function rehearsed(subject: Subject, rehearsal: Rehearsal, found: Scan): Finding[] {
  if (rehearsal.problem !== null) return failedRehearsal(subject, rehearsal.problem, found);
  return [
    ...rehearsal.errors.map((error) => thrown(subject, error)),
    ...badReplies(subject, rehearsal, found),
    ...rehearsal.denied.filter((denial) => !isMeant(subject, denial)).map((denial) => deniedCall(subject, denial)),
    ...unregistered(subject, rehearsal.registered),
    ...unusedPermissions(subject, rehearsal, found),
  ];
}

function failedRehearsal(subject: Subject, problem: string, found: Scan): Finding[] {
  const { folder } = subject;
  const said = missingPermissions(subject, found).some(({ hint }) => problem.includes(`PermissionDenied: ${hint?.split("- ")[1]}`));
  // The source has shown it already, and at its place.
  if (said) return [];
  if (!problem.includes("RealmGone:")) return [{ level: "error", ...located(folder, mainOf(subject), problem) }];
  const message = "it was killed at its start: it computed too long without a pause, or took too much memory";
  return [{ level: "error", file: `${folder}/${mainOf(subject)}`, message, hint: "do less in initialize() and start()" }];
}

function thrown(subject: Subject, { message, where }: Rehearsal["errors"][number]): Finding {
  const place = located(subject.folder, mainOf(subject), where === null ? message : `${message} at ${where}`);
  return { level: "warning", ...place, hint: "it threw when it was tried without arguments" };
}

/** One line for each handler at most. */
function badReplies(subject: Subject, { said }: Rehearsal, { registrations }: Scan): Finding[] {
  return [...Map.groupBy(said, ({ asked }) => asked)].flatMap(([asked, texts]): Finding[] => {
    const problem = texts.map(({ text }) => replyProblem(text)).find((each) => each !== null);
    if (problem === undefined) return [];
    const use = registrations.get(asked);
    const place = use === undefined ? { file: `${subject.folder}/${mainOf(subject)}` } : placeOfUse(subject.folder, use);
    const [level, message, hint] = problem;
    return [{ level, ...place, message: asked === "" ? message : `${asked}: ${message}`, hint }];
  });
}

function replyProblem(text: string): readonly ["error" | "warning", string, string] | null {
  const shown = JSON.stringify(text.slice(0, 80));
  if (text.includes("[object Promise]")) return ["error", `a reply reads ${shown}`, "an await is missing"];
  if (text.includes("[object Object]")) return ["error", `a reply reads ${shown}`, "make a text of the object's parts"];
  if (/^[{[]/.test(text) && parseJson(text, FILE_LIMITS).ok)
    return ["warning", `a reply is an object and reads ${shown}`, "return a text for people, not data"];
  const last = splitText(text).at(-1) ?? "";
  if (last.endsWith("…") && !text.endsWith("…")) {
    return [
      "warning",
      `a reply is longer than ${PARTS_MAX} packets and is cut`,
      "shorten it to 200 bytes, one packet, or answer page by page",
    ];
  }
  return null;
}

/** What the manifest leaves out on purpose, and what only this many questions in a second can use up. */
function isMeant({ manifest }: Subject, { permission, rule }: Rehearsal["denied"][number]): boolean {
  const asksForSome = manifest.permissions.some(({ name }) => name === permission);
  return asksForSome && (permission === "receive_messages" || rule.startsWith("rate"));
}

function deniedCall({ yaml }: Subject, { permission, scope, rule }: Rehearsal["denied"][number]): Finding {
  return {
    level: "warning",
    file: yaml.file,
    ...yaml.place(["permissions"]),
    field: "permissions",
    message: `${scope || permission} was denied (${rule})`,
    hint: `widen the scope of ${permission}`,
  };
}

function unusedPermissions({ manifest, yaml }: Subject, rehearsal: Rehearsal, found: Scan): Finding[] {
  return manifest.permissions.flatMap((permission, index): Finding[] => {
    if (isUsed(permission.name, rehearsal, found, manifest)) return [];
    return [
      {
        level: "warning",
        file: yaml.file,
        ...yaml.place(["permissions", index]),
        field: `permissions.${index}`,
        message: `${printText(permission)} is asked for and never used`,
        hint: "remove it: operators give away as little as they can",
      },
    ];
  });
}

function isUsed(name: PermissionName, rehearsal: Rehearsal, { uses, timers }: Scan, manifest: Manifest): boolean {
  if ((name === "schedule_tasks" && timers) || uses.has(name) || rehearsal.used.has(name)) return true;
  // Reserved words need no call of their own, and events and timers have none that the source shows for sure.
  return name === "override_commands" || (name === "send_messages" && manifest.capabilities.keywords?.length !== 0);
}

const NO_ID = registrationId(0);

function unregistered({ manifest, yaml }: Subject, registered: ReadonlySet<string>): Finding[] {
  const { commands = [], keywords = [], scheduled_tasks: tasks = [], menu_items: items = [] } = manifest.capabilities;
  const declared: [string, (string | number)[]][] = [
    ...commands.map((entry, index): [string, (string | number)[]] => [
      describe({ kind: "command", id: NO_ID, name: entry.name }),
      ["commands", index],
    ]),
    ...keywords.map((entry, index): [string, (string | number)[]] => [
      describe({ kind: "keyword", id: NO_ID, pattern: entry.pattern }),
      ["keywords", index],
    ]),
    ...tasks.map((entry, index): [string, (string | number)[]] => [
      describe({ kind: "task", id: NO_ID, name: entry.name }),
      ["scheduled_tasks", index],
    ]),
    ...items.map((entry, index): [string, (string | number)[]] => [
      describe({ kind: "menu", id: NO_ID, menu: entry.menu, label: entry.label }),
      ["menu_items", index],
    ]),
  ];
  const known = new Set([...registered].map((each) => each.toLowerCase()));
  return declared
    .filter(([what]) => !known.has(what.toLowerCase()))
    .map(([what, path]) => ({
      level: "warning",
      file: yaml.file,
      ...yaml.place(["capabilities", ...path]),
      field: `capabilities.${path.join(".")}`,
      message: `${what} is declared and was not registered`,
      hint: "register it in initialize(), or remove it here",
    }));
}
