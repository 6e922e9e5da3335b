/** The region of gateways: found or join it, enrol and revoke sites, look at all of them. */
import * as v from "valibot";
import { joinAnswer, type RegionView, regionView, revokeAnswer, type SiteViewJson } from "../../api/contract/region-views.ts";
import { fail, ok, type Result } from "../../errors.ts";
import type { Client } from "../client/client.ts";
import { ago, json, line, note, readAll, readLine, span, table } from "../verb/output.ts";
import { type Call, done, textFlag, type Verb } from "../verb/verb.ts";

const SITE = { name: "SITE", about: "a site's name or fingerprint, as `region list` shows it" };

export const regionVerbs: readonly Verb[] = [
  {
    name: "region join",
    summary: "make the region and an invitation to it, join by an invitation, or enrol a site that waits",
    args: [
      { name: "INVITATION|SITE", about: "an invitation (zgr1:...; - reads it from standard input), or the site to enrol", optional: true },
    ],
    flags: {
      fingerprint: { about: "what the site's operator read out: enrol it without a question if it is that", value: "F" },
      yes: { about: "enrol it without a question, whatever its fingerprint is" },
    },
    run: join,
  },
  { name: "region list", summary: "list the sites of the region", run: list },
  { name: "region status", summary: "show every site's links, alerts, version, load and queue", run: status },
  {
    name: "region revoke",
    summary: "revoke a site for ever, and replace the region's key",
    args: [SITE],
    flags: { yes: { about: "without a question" } },
    run: revoke,
  },
];

export const PATH = "/api/v1/region";
/** Exit code of `region status` when something of the region needs the operator. */
const DEGRADED = 1;

export async function view(call: Call): Promise<Result<{ readonly gateway: Client; readonly region: RegionView }>> {
  const gateway = await call.client();
  if (!gateway.ok) return gateway;
  const region = await gateway.value.get(PATH, regionView);
  if (!region.ok) return region;
  if (region.value.state === "alone") {
    return fail("unavailable", "no region is configured", {
      hint: "add to the configuration: region: { url: mqtts://BROKER:8883, name: REGION, site: SITE }, and restart",
    });
  }
  return ok({ gateway: gateway.value, region: region.value });
}

async function join(call: Call): Promise<Result<number>> {
  const { io, args, flags } = call;
  const known = await view(call);
  if (!known.ok) return known;
  const [given = ""] = args;
  const text = given === "-" ? ((await readAll(io)) ?? "").trim() : given.trim();
  if (given !== "" && text === "")
    return fail("invalid_argument", "there is no invitation on standard input", { hint: "echo zgr1:... | zephyrgate region join -" });
  if (text === "") return invite(call, known.value.gateway);
  return /^zgr\d*:/i.test(text)
    ? accept(call, known.value.gateway, text)
    : enrol(call, { ...known.value, named: text, fingerprint: textFlag(flags, "fingerprint") });
}

async function invite({ io, flags }: Call, gateway: Client): Promise<Result<number>> {
  const made = await gateway.call("POST", `${PATH}/join`, joinAnswer, {});
  if (!made.ok) return made;
  const { did, invitation, region } = made.value;
  if (flags.json === true) {
    json(io, made.value);
    return done;
  }
  if (did === "founded") note(io, `made region ${region.region}; this site, ${region.site}, is its founder (fingerprint ${region.id})`);
  brokerNote(io, region);
  note(io, "at each further site run: zephyrgate region join, followed by this line. It holds the region's key: pass it on in private.");
  // The line alone on standard output, so that it can be sent into a file.
  line(io, invitation ?? "");
  return done;
}

async function accept({ io, flags }: Call, gateway: Client, invitation: string): Promise<Result<number>> {
  const joined = await gateway.call("POST", `${PATH}/join`, joinAnswer, { invitation });
  if (!joined.ok) return joined;
  const { region, must_restart: mustRestart } = joined.value;
  if (flags.json === true) {
    json(io, joined.value);
    return done;
  }
  if (mustRestart) {
    line(io, "the old key of this site is out for ever; a new one is made. Restart the gateway, then look at: zephyrgate region status");
    return done;
  }
  line(io, `this site, ${region.site}, has joined region ${region.region} and waits to be enrolled`);
  line(io, `its fingerprint is ${region.id}`);
  line(io, `at a site that is enrolled run: zephyrgate region join ${region.site} --fingerprint ${region.id}`);
  brokerNote(io, region);
  return done;
}

function brokerNote(io: Call["io"], { broker }: RegionView): void {
  if (broker !== null && broker.state !== "connected" && broker.reason !== null)
    note(io, `the broker is not connected yet: ${broker.reason}`);
}

async function enrol(
  { io, flags }: Call,
  { gateway, region, named, fingerprint }: { gateway: Client; region: RegionView; named: string; fingerprint: string | undefined },
): Promise<Result<number>> {
  const plain = named.replaceAll(/[\s:-]/g, "").toLowerCase();
  const waiting = region.sites.filter(({ state, name, id }) => state === "waiting" && (name === named || id === plain));
  const [site] = waiting;
  if (fingerprint === undefined && flags.yes !== true && site !== undefined && waiting.length === 1) {
    note(io, `site ${site.name}, fingerprint ${site.id}${site.version === null ? "" : `, zephyrgate ${site.version}`}`);
    note(io, "compare the fingerprint with what its operator reads out (zephyrgate region status there shows it)");
    if (!io.isTTY)
      return fail("invalid_argument", "enrolling a site needs its fingerprint", { hint: `add --fingerprint ${site.id}, or --yes` });
    io.stderr.write("is it the same, and shall the site be enrolled? [y/N] ");
    if (!/^y(?:es)?$/i.test((await readLine(io)).trim())) return fail("cancelled", "not enrolled");
  }
  // By the fingerprint that was shown: another site may have taken the name meanwhile.
  const body = {
    site: site !== undefined && waiting.length === 1 ? site.id : named,
    ...(fingerprint === undefined ? {} : { fingerprint }),
  };
  const enrolled = await gateway.call("POST", `${PATH}/join`, joinAnswer, body);
  if (!enrolled.ok) return enrolled;
  if (flags.json === true) json(io, enrolled.value);
  else line(io, `enrolled ${site?.name ?? named}; every site that is online knows it now`);
  return done;
}

async function list(call: Call): Promise<Result<number>> {
  const known = await view(call);
  if (!known.ok) return known;
  const { sites } = known.value.region;
  if (call.flags.json === true) json(call.io, sites);
  else
    table(
      call.io,
      ["site", "state", "online", "heard", "version", "fingerprint"],
      sites.map((site) => [
        site.name,
        site.state === "self" ? "this site" : site.state,
        yes(site.online),
        heard(site),
        site.version,
        site.id,
      ]),
    );
  return done;
}

const yes = (is: boolean) => (is ? "yes" : "no");
const heard = (site: SiteViewJson) => (site.state === "self" ? "-" : ago(site.heard_at));

async function status(call: Call): Promise<Result<number>> {
  const { io, flags } = call;
  const known = await view(call);
  if (!known.ok) return known;
  const { region } = known.value;
  const faults = faultsOf(region);
  const code = ok(faults.length === 0 ? 0 : DEGRADED);
  if (flags.json === true) {
    json(io, { ...region, degraded: faults });
    return code;
  }
  line(io, `region ${region.region}, site ${region.site}${region.id === null ? "" : ` (${region.id})`}: ${STATES[region.state]}`);
  if (region.broker !== null) line(io, brokerLine(region.broker));
  for (const fault of faults) line(io, `DEGRADED: ${fault}`);
  const waiting = region.sites.filter(({ state }) => state === "waiting");
  for (const { name, id } of waiting) line(io, `site ${name} waits; to enrol it: zephyrgate region join ${name} --fingerprint ${id}`);
  table(
    io,
    ["site", "online", "heard", "version", "links", "alerts", "plugins", "queue", "load", "nodes"],
    region.sites.filter(isShown).map(row),
  );
  const refused = Object.entries(region.messages.refused).filter(([, count]) => count > 0);
  if (refused.length > 0) line(io, `refused messages: ${refused.map(([reason, count]) => `${reason} ${count}`).join(", ")}`);
  return code;
}

const STATES: Readonly<Record<RegionView["state"], string>> = {
  alone: "no region is configured",
  unusable: "the region cannot be used",
  unjoined: "in no region yet; to make it: zephyrgate region join; to join it: zephyrgate region join INVITATION",
  waiting: "waits to be enrolled",
  enrolled: "enrolled",
  revoked: "revoked; to come back: zephyrgate region join INVITATION",
};

const FAULTS: Readonly<Record<Exclude<RegionView["state"], "enrolled">, string>> = {
  alone: "no region is configured",
  unusable: "the region cannot be used",
  unjoined: "this site is in no region yet",
  waiting: "this site waits to be enrolled",
  revoked: "this site was revoked",
};

const isShown = ({ state }: SiteViewJson) => state === "self" || state === "enrolled";

function brokerLine({ url, state, reason, since }: NonNullable<RegionView["broker"]>): string {
  if (state === "connected") return `broker ${url}: connected since ${since}`;
  return `broker ${url}: ${state === "waiting" ? "not connected" : state}${reason === null ? "" : `: ${reason}`}`;
}

function faultsOf({ state, problem, broker, troubles, sites }: RegionView): string[] {
  const away = sites.filter((site) => site.state === "enrolled" && !site.online).map(({ name }) => name);
  return [
    ...(problem === null ? [] : [problem]),
    ...(state === "enrolled" || problem !== null ? [] : [FAULTS[state]]),
    ...(broker === null || broker.state === "connected" || state === "revoked" ? [] : ["the broker is not connected"]),
    ...(broker?.state === "connected" && away.length > 0 ? [`offline: ${away.join(", ")}`] : []),
    ...troubles,
  ];
}

/** What a site says about itself is shown as far as it has the form that this version sends. */
const reportSchema = v.object({
  links: v.optional(v.array(v.object({ name: v.string(), state: v.string() }))),
  alerts: v.optional(v.array(v.unknown())),
  plugins: v.optional(v.record(v.string(), v.number())),
  queue: v.optional(v.object({ queued: v.number(), oldest_s: v.number() })),
  load: v.optional(v.number()),
  nodes: v.optional(v.number()),
});

function row(site: SiteViewJson): (string | number | null)[] {
  const read = v.safeParse(reportSchema, site.report);
  const { links, alerts, plugins, queue, load, nodes } = read.success ? read.output : {};
  const down = links?.filter(({ state }) => state !== "up").map(({ name, state }) => `${name} ${state}`) ?? [];
  const failed = (plugins?.failed ?? 0) + (plugins?.backing_off ?? 0);
  return [
    site.name,
    yes(site.online),
    heard(site),
    site.version,
    links === undefined ? null : down.length === 0 ? `${links.length} up` : down.join(", "),
    alerts?.length ?? null,
    plugins === undefined ? null : `${plugins.running ?? 0}${failed === 0 ? "" : `, ${failed} failed`}`,
    queue === undefined ? null : queue.queued === 0 ? "0" : `${queue.queued} (${span(queue.oldest_s)})`,
    load === undefined ? null : `${Math.round(load * 100)} %`,
    nodes ?? null,
  ];
}

async function revoke(call: Call): Promise<Result<number>> {
  const { io, args, flags } = call;
  const known = await view(call);
  if (!known.ok) return known;
  const [named = ""] = args;
  if (flags.yes !== true) {
    if (!io.isTTY) return fail("invalid_argument", "a site is revoked for ever", { hint: "add --yes to do it without a question" });
    io.stderr.write(`revoke ${named} for ever? Its key is out, and it needs a new invitation to come back. [y/N] `);
    if (!/^y(?:es)?$/i.test((await readLine(io)).trim())) return fail("cancelled", "not revoked");
  }
  const revoked = await known.value.gateway.call("POST", `${PATH}/revoke`, revokeAnswer, { site: named });
  if (!revoked.ok) return revoked;
  const { site, orphans, told } = revoked.value;
  if (flags.json === true) {
    json(io, revoked.value);
    return done;
  }
  line(io, `revoked ${site.name} (${site.id}); the region has a new key`);
  for (const { name } of orphans)
    line(io, `${name} is out as well, because ${site.name} had enrolled it; to keep it: zephyrgate region join ${name}`);
  if (!told) note(io, "the broker is not connected: the other sites hear of it when it is back");
  return done;
}
