/** How a site leaves its region: by its own signed word, which every other site honours, those that are away included. */
import { fail, ok, type Result } from "../../errors.ts";
import { copyJson } from "../../json-reader.ts";
import { makeStatement } from "../roster/statement.ts";
import type { RegionContext } from "./context.ts";
import type { Notices } from "./notices.ts";
import type { Speaker } from "./speaker.ts";
import type { Standing } from "./standing.ts";

export interface Farewell {
  /** Other enrolled sites: each of them hears of it, at once or when it is back. */
  readonly others: number;
}

export interface FarewellParts {
  readonly speaker: Pick<Speaker, "say" | "clearPresence">;
  readonly notices: Pick<Notices, "farewell">;
  readonly standing: Standing;
  readonly isConnected: boolean;
}

/** So long the broker may take to acknowledge it. */
const ANSWER_MS = 10_000;

/** Error `unavailable`: there are others, and the broker does not take it; then nothing has changed. */
export async function sayFarewell(context: RegionContext, parts: FarewellParts): Promise<Result<Farewell>> {
  const { speaker, notices, standing, isConnected } = parts;
  const others = standing === "enrolled" ? context.roster.membership.enrolled.size - 1 : 0;
  if (others === 0) {
    if (isConnected) sayGone(context, speaker);
    return ok({ others });
  }
  if (!isConnected) return notTold("the broker is not connected");
  const { identity, membership, self, name, clock } = context;
  const at = Math.max(0, Math.floor(clock.now()));
  const statement = makeStatement(identity, { kind: "revoke", region: membership.region, by: self, site: self, name, at });
  const { promise, resolve } = Promise.withResolvers<Result<null>>();
  const timer = clock.after(ANSWER_MS, () => resolve(fail("timeout", `the broker did not take it within ${ANSWER_MS / 1000} s`)));
  const said = speaker.say({ kind: "all", from: self }, { kind: "roster", statements: [copyJson(statement)] }, resolve);
  const outcome = said.ok ? await promise : said;
  timer.cancel();
  if (!outcome.ok) return notTold(outcome.error.message);
  speaker.clearPresence();
  await notices.farewell(statement);
  return ok({ others });
}

/** A site that was never enrolled is no longer listed as waiting. */
function sayGone({ self, identity, name, version }: RegionContext, speaker: FarewellParts["speaker"]): void {
  speaker.say({ kind: "site", from: self }, { kind: "gone", keys: identity.keys, name, version, left: true });
  speaker.clearPresence();
}

function notTold(why: string): Result<never> {
  return fail("unavailable", `the other sites cannot be told: ${why}`, {
    hint: "wait until zephyrgate region status shows the broker connected; or leave without a word by --force, and revoke this site at another one",
  });
}
