import * as v from "valibot";
import { messageView, receivedView } from "../../api/contract/mesh-views.ts";
import type { Result } from "../../errors.ts";
import { ago, json, table } from "../verb/output.ts";
import { type Call, done, misuse, textFlag, type Verb } from "../verb/verb.ts";

const DEFAULT_LIMIT = "30";

export const messageVerbs: readonly Verb[] = [
  {
    name: "messages",
    summary: "list queued and sent messages with their state, or the texts that were received, newest first",
    flags: {
      received: { about: "list the texts that were heard instead of those that were sent" },
      limit: { about: "how many entries at most (30)", value: "N" },
      state: { about: "only messages in this state", value: "STATE", choices: ["queued", "sent", "relayed", "delivered", "failed"] },
      from: { about: "with --received: only texts of this node", value: "NODE" },
    },
    run: (call) => (call.flags.received === true ? received(call) : sent(call)),
  },
];

async function sent({ io, flags, client }: Call): Promise<Result<number>> {
  const state = textFlag(flags, "state");
  if (flags.from !== undefined) return misuse("--from goes with --received");
  const gateway = await client();
  if (!gateway.ok) return gateway;
  const query = new URLSearchParams({ limit: textFlag(flags, "limit") ?? DEFAULT_LIMIT, ...(state === undefined ? {} : { state }) });
  const page = await gateway.value.get(
    `/api/v1/messages?${query}`,
    v.object({ items: v.array(messageView), next: v.nullable(v.string()) }),
  );
  if (!page.ok) return page;
  const rows = page.value.items.map((one) => [
    one.id,
    ago(one.queued_at),
    one.state,
    one.reason ?? (one.held === undefined ? one.note : `held: ${one.held}`),
    one.to,
    one.channel,
    one.sender.plugin ?? one.sender.kind,
    one.text,
  ]);
  if (flags.json === true) json(io, page.value.items);
  else table(io, ["id", "when", "state", "why", "to", "channel", "by", "text"], rows);
  return done;
}

async function received({ io, flags, client }: Call): Promise<Result<number>> {
  const from = textFlag(flags, "from");
  if (flags.state !== undefined) return misuse("--state is of sent messages, not of received ones");
  const gateway = await client();
  if (!gateway.ok) return gateway;
  const query = new URLSearchParams({ limit: textFlag(flags, "limit") ?? DEFAULT_LIMIT, ...(from === undefined ? {} : { from }) });
  const page = await gateway.value.get(
    `/api/v1/received?${query}`,
    v.object({ items: v.array(receivedView), next: v.nullable(v.string()) }),
  );
  if (!page.ok) return page;
  const rows = page.value.items.map((one) => [
    ago(one.received_at),
    one.from,
    one.is_direct ? "direct" : `${one.link}/${one.channel}`,
    one.hops_away,
    one.snr,
    `${one.text}${reasonOf(one)}`,
  ]);
  if (flags.json === true) json(io, page.value.items);
  else table(io, ["when", "from", "on", "hops", "snr", "text"], rows);
  return done;
}

/** Why an answer to it was not sent; "" where all were. */
function reasonOf({ suppressed = [] }: v.InferOutput<typeof receivedView>): string {
  const reasons = suppressed.map(({ reason, detail }) => (detail === undefined ? reason : `${reason}: ${detail}`));
  return reasons.length === 0 ? "" : `  [not answered: ${reasons.join("; ")}]`;
}
