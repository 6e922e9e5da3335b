import { silence } from "../../api/contract/views.ts";
import type { Result } from "../../errors.ts";
import { ago, json, line } from "../verb/output.ts";
import { type Call, done, type Verb } from "../verb/verb.ts";

export const silenceVerbs: readonly Verb[] = [
  {
    name: "silence",
    summary: "say whether all transmissions but alarms are silenced",
    run: (call) => answer(call, undefined),
  },
  {
    name: "silence on",
    summary: "silence all transmissions but alarms, at once and until `silence off`: texts wait",
    run: (call) => answer(call, true),
  },
  {
    name: "silence off",
    summary: "allow transmissions again",
    run: (call) => answer(call, false),
  },
];

async function answer({ io, flags, client }: Call, silenced: boolean | undefined): Promise<Result<number>> {
  const gateway = await client();
  if (!gateway.ok) return gateway;
  const path = "/api/v1/silence";
  const answered =
    silenced === undefined ? await gateway.value.get(path, silence) : await gateway.value.call("PUT", path, silence, { silenced });
  if (!answered.ok) return answered;
  const { since, by } = answered.value;
  if (flags.json === true) json(io, answered.value);
  else if (since === null) line(io, "transmissions are allowed");
  else
    line(io, `all transmissions but alarms are silenced, since ${ago(since)}, by ${by ?? "somebody"}; to end it: zephyrgate silence off`);
  return done;
}
