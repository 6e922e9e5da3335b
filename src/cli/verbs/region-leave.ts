/** A site leaves its region by its own word. */
import { leaveAnswer } from "../../api/contract/region-views.ts";
import { fail, type Result } from "../../errors.ts";
import { json, line, note, readLine } from "../verb/output.ts";
import { type Call, done, misuse, type Verb } from "../verb/verb.ts";
import { PATH, view } from "./region.ts";

export const leaveVerbs: readonly Verb[] = [
  {
    name: "region leave",
    summary: "leave the region: tell the other sites, and forget this site's keys",
    flags: {
      keep: { about: "keep what plugins shared, of this site and of others (as without it)" },
      purge: { about: "delete what plugins shared, of this site and of others" },
      force: { about: "leave although the other sites cannot be told; then revoke this site at one of them" },
      yes: { about: "without a question" },
    },
    run: leave,
  },
];

async function leave(call: Call): Promise<Result<number>> {
  const { io, flags } = call;
  const [purge, force] = [flags.purge === true, flags.force === true];
  if (purge && flags.keep === true) return misuse("give --keep or --purge, not both");
  const known = await view(call);
  if (!known.ok) return known;
  const { gateway, region } = known.value;
  if (flags.yes !== true) {
    if (!io.isTTY)
      return fail("invalid_argument", "a site that leaves needs a new invitation", { hint: "add --yes to leave without a question" });
    const shared = purge ? "what plugins shared is deleted here" : "what plugins shared stays here";
    io.stderr.write(
      `leave region ${region.region}? This site's key is out for ever, and ${shared}. To come back it needs a new invitation. [y/N] `,
    );
    if (!/^y(?:es)?$/i.test((await readLine(io)).trim())) return fail("cancelled", "not left");
  }
  const left = await gateway.call("POST", `${PATH}/leave`, leaveAnswer, { purge, force });
  if (!left.ok) return left;
  const { told } = left.value;
  if (flags.json === true) {
    json(io, left.value);
    return done;
  }
  line(
    io,
    `this site, ${region.site}, has left region ${region.region}; ${purge ? "what plugins shared is deleted" : "what plugins shared is kept"}`,
  );
  if (told === null) note(io, `nobody was told; at another site run: zephyrgate region revoke ${region.site}`);
  else if (told > 0)
    note(io, `${told === 1 ? "the other site knows" : `the ${told} other sites know`} it, those that are offline as soon as they are back`);
  note(
    io,
    "to work alone for good, remove region from the configuration; to join a region again, restart the gateway: zephyrgate region join INVITATION",
  );
  return done;
}
