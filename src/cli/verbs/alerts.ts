import { alertView } from "../../api/contract/views.ts";
import type { Result } from "../../errors.ts";
import { ago, json, line, table } from "../verb/output.ts";
import { type Call, done, type Verb } from "../verb/verb.ts";

export const alertVerbs: readonly Verb[] = [
  {
    name: "alerts",
    summary: "list the problems that need you; each is listed until its cause is over",
    run: alerts,
  },
  {
    name: "alerts ack",
    summary: "acknowledge an alert: the status shows it no longer unless it is raised again",
    args: [{ name: "ID", about: "the alert's id, as `alerts` shows it" }],
    run: acknowledge,
  },
];

async function alerts({ io, flags, client }: Call): Promise<Result<number>> {
  const gateway = await client();
  if (!gateway.ok) return gateway;
  const found = await gateway.value.list("/api/v1/alerts", alertView);
  if (!found.ok) return found;
  const newestFirst = found.value.reverse();
  const rows = newestFirst.map((alert) => [
    alert.id,
    ago(alert.time),
    alert.times,
    alert.code,
    alert.site === undefined || alert.message.startsWith(`[${alert.site}] `) ? alert.message : `[${alert.site}] ${alert.message}`,
    alert.acknowledged_at === null
      ? ""
      : `acknowledged ${ago(alert.acknowledged_at)}${alert.acknowledged_by === undefined ? "" : ` by ${alert.acknowledged_by}`}`,
  ]);
  if (flags.json === true) json(io, newestFirst);
  else if (rows.length === 0) line(io, "there are no alerts");
  else table(io, ["id", "since", "times", "code", "message", ""], rows);
  return done;
}

async function acknowledge({ io, args, flags, client }: Call): Promise<Result<number>> {
  const gateway = await client();
  if (!gateway.ok) return gateway;
  const answer = await gateway.value.call("POST", `/api/v1/alerts/${encodeURIComponent(args[0] ?? "")}/ack`, alertView);
  if (!answer.ok) return answer;
  if (flags.json === true) json(io, answer.value);
  else line(io, `acknowledged: ${answer.value.message}`);
  return done;
}
