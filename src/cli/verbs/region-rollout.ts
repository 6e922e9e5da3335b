/** A signed plugin to the other sites of the region, stage by stage. The gateway does it: this verb begins it and shows how it goes. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import * as v from "valibot";
import { type RolloutView, rolloutView } from "../../api/contract/region-views.ts";
import { sleep, systemClock } from "../../clock.ts";
import { fail, failBecause, ok, type Result } from "../../errors.ts";
import type { Client } from "../client/client.ts";
import { json, line, note } from "../verb/output.ts";
import { type Call, done, misuse, textFlag, type Verb } from "../verb/verb.ts";

export const rolloutVerbs: readonly Verb[] = [
  {
    name: "region rollout",
    summary: "roll a signed package out to other sites by stages, halting by itself on trouble; without a package show how it goes",
    args: [{ name: "PACKAGE", about: "a signed package file", optional: true, values: "file" }],
    flags: {
      stages: { about: "how many sites have it after each stage (1,all)", value: "1,3,all" },
      wait: { about: "how long each stage is watched before the next, such as 30s, 10m, 2h (10m)", value: "TIME" },
      sites: { about: "sites, in the order in which they get it; without it all, by name", value: "A,B" },
      back: { about: "the sites that took the last rollout return to the version before, by the same stages" },
      halt: { about: "halt the rollout that is under way: no further site gets it" },
    },
    run: rollout,
  },
];

const PATH = "/api/v1/region/rollout";
const LOOK_MS = 1_000;
const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600 };
const known = v.object({ rollout: v.nullable(rolloutView) });

async function rollout(call: Call): Promise<Result<number>> {
  const { args, flags } = call;
  const [path] = args;
  const asks = ["stages", "wait", "sites"].some((name) => textFlag(flags, name) !== undefined);
  const alone = (["halt", "back"] as const).filter((name) => flags[name] === true);
  if (alone.length > 0 && (alone.length > 1 || path !== undefined || asks)) return misuse(`--${alone.join(" and --")} goes alone`);
  if (path === undefined && asks) return misuse("name the package that is to be rolled out");
  const query = queryOf(call);
  if (!query.ok) return query;
  const gateway = await call.client();
  if (!gateway.ok) return gateway;
  if (flags.halt === true) return halt(call, gateway.value);
  if (flags.back === true) {
    const begun = await gateway.value.call("POST", `${PATH}/back`, rolloutView);
    return begun.ok ? follow(call, gateway.value, begun.value) : begun;
  }
  if (path === undefined) return show(call, gateway.value);
  const bytes = readPackageFile(resolve(call.io.cwd, path), path);
  if (!bytes.ok) return bytes;
  const begun = await gateway.value.upload(`${PATH}?${query.value}`, bytes.value, rolloutView);
  return begun.ok ? follow(call, gateway.value, begun.value) : begun;
}

function queryOf({ flags }: Call): Result<string> {
  const query = new URLSearchParams();
  const stages = textFlag(flags, "stages");
  if (stages !== undefined && !/^(?:\d{1,4},)*(?:\d{1,4}|all)$/.test(stages)) return misuse("--stages is a list such as 1,3,all");
  if (stages !== undefined) query.set("stages", stages);
  const wait = textFlag(flags, "wait");
  const [, count = "", unit = ""] = /^(\d{1,5})([smh])$/.exec(wait ?? "10m") ?? [];
  const seconds = Number(count) * (UNITS[unit] ?? Number.NaN);
  if (!(seconds <= 86_400)) return misuse("--wait is a time such as 30s, 10m or 2h, at most 24h");
  query.set("wait_s", String(seconds));
  const sites = textFlag(flags, "sites");
  if (sites !== undefined) query.set("sites", sites);
  return ok(query.toString());
}

function readPackageFile(path: string, named: string): Result<Uint8Array> {
  try {
    return ok(new Uint8Array(readFileSync(path)));
  } catch (cause) {
    return failBecause(cause, "not_found", `${named} cannot be read`, {
      hint: "name a package made by: zephyrgate plugin pack --sign KEY",
    });
  }
}

async function halt({ io, flags }: Call, gateway: Client): Promise<Result<number>> {
  const halted = await gateway.call("DELETE", PATH, rolloutView);
  if (!halted.ok) return halted;
  if (flags.json === true) json(io, halted.value);
  else for (const each of linesOf(halted.value)) line(io, each);
  return done;
}

async function show({ io, flags }: Call, gateway: Client): Promise<Result<number>> {
  const answer = await gateway.get(PATH, known);
  if (!answer.ok) return answer;
  const { rollout: last } = answer.value;
  if (flags.json === true) json(io, last);
  else if (last === null) line(io, "no rollout was begun here");
  else for (const each of linesOf(last)) line(io, each);
  return ok(last?.state === "halted" ? 1 : 0);
}

/** Until its end. Ctrl-C ends only the watching. */
async function follow({ io, flags }: Call, gateway: Client, begun: RolloutView): Promise<Result<number>> {
  if (begun.left_out.length > 0) note(io, `offline, and left out: ${begun.left_out.join(", ")}`);
  const shown = new Set<string>();
  let now = begun;
  for (;;) {
    // Only what is new: a rollout takes an hour, and a hundred sites are many lines.
    for (const each of linesOf(now).filter((text) => flags.json !== true && !shown.has(text))) line(io, each);
    for (const each of linesOf(now)) shown.add(each);
    if (now.state === "done" || now.state === "halted") break;
    await sleep(systemClock, LOOK_MS, io.signal);
    if (io.signal?.aborted === true) {
      note(io, "the gateway goes on with it; look at it with: zephyrgate region rollout; halt it with --halt");
      return done;
    }
    const answer = await gateway.get(PATH, known);
    if (!answer.ok) return answer;
    if (answer.value.rollout?.id !== begun.id) return fail("cancelled", "another rollout was begun meanwhile");
    now = answer.value.rollout;
  }
  if (flags.json === true) json(io, now);
  return ok(now.state === "done" ? 0 : 1);
}

function linesOf({ way, name, version, state, reason, stage, stages, sites }: RolloutView): string[] {
  const watched = way === "out" ? "runs there, watched" : "the version before runs there, watched";
  const words = { running: "goes on", watching: watched, done: "done", halted: "HALTED" }[state];
  const head = `${name} ${version}${way === "out" ? "" : " taken back"}, stage ${stage} of ${stages}: ${words}${reason === null ? "" : `: ${reason}`}`;
  return [head, ...sites.map((site) => `  ${site.name}: ${site.step}${site.reason === null ? "" : `: ${site.reason}`}`)];
}
