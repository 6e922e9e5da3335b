/** `plugin profile NAME`: which handler takes the processor's time. */
import type * as v from "valibot";
import { profileItem } from "../../api/routes/plugins.ts";
import { sleep, systemClock } from "../../clock.ts";
import type { Result } from "../../errors.ts";
import { pluginPath } from "../client/paths.ts";
import { json, note, table } from "../verb/output.ts";
import { type Call, done, misuse, textFlag, type Verb } from "../verb/verb.ts";

type Item = v.InferOutput<typeof profileItem>;

const MAX_S = 3600;

export const profileVerb: Verb = {
  name: "plugin profile",
  summary: "show the processor time of each handler of a running plugin",
  args: [{ name: "NAME", about: "the plugin's name", values: "plugin" }],
  flags: { for: { about: "measure the next SECONDS; without it since the gateway started", value: "SECONDS" } },
  run: profile,
};

async function profile({ io, args, flags, client }: Call): Promise<Result<number>> {
  const text = textFlag(flags, "for");
  const seconds = text === undefined ? 0 : Number(text);
  if (text !== undefined && !(seconds > 0 && seconds <= MAX_S)) return misuse(`--for must be a number of seconds up to ${MAX_S}`);
  const gateway = await client();
  if (!gateway.ok) return gateway;
  const look = () => gateway.value.list(`${pluginPath(args[0])}/profile`, profileItem);
  const before = seconds > 0 ? await look() : null;
  if (before?.ok === false) return before;
  if (before !== null) await sleep(systemClock, seconds * 1000, io.signal);
  const after = await look();
  if (!after.ok) return after;
  const items = before === null ? after.value : since(before.value, after.value);
  if (flags.json === true) json(io, items);
  else if (items.length === 0) note(io, "nothing of it was called in this time");
  else
    table(
      io,
      ["handler", "calls", "cpu ms", "mean ms", "longest ms"],
      items.map((item) => [item.what, item.calls, item.cpu_ms, Math.round((100 * item.cpu_ms) / item.calls) / 100, item.max_ms]),
    );
  return done;
}

/** The longest call is the longest since the gateway started: the gateway keeps no other. */
function since(before: readonly Item[], after: readonly Item[]): Item[] {
  const then = new Map(before.map((item) => [item.what, item]));
  return after
    .map((item) => ({
      ...item,
      calls: item.calls - (then.get(item.what)?.calls ?? 0),
      cpu_ms: Math.round(100 * (item.cpu_ms - (then.get(item.what)?.cpu_ms ?? 0))) / 100,
    }))
    .filter(({ calls }) => calls > 0)
    .sort((a, b) => b.cpu_ms - a.cpu_ms);
}
