/** The region in the API's shapes. */
import * as v from "valibot";
import type { Json } from "../../json.ts";

const text = v.string();
const fingerprint = v.pipe(v.string(), v.description("Fingerprint of the site's key, 32 hexadecimal digits"));

export const siteView = v.object({
  id: fingerprint,
  name: text,
  state: v.pipe(
    v.picklist(["self", "enrolled", "waiting", "revoked", "left"]),
    v.description("`waiting`: it has an invitation, and no operator enrolled it yet; nothing that it says counts. `left`: by its own word"),
  ),
  online: v.boolean(),
  heard_at: v.pipe(v.nullable(text), v.description("By this gateway's clock; null: never")),
  version: v.nullable(text),
  report: v.pipe(
    v.custom<Json>((value) => value !== undefined),
    v.metadata({ type: "object" }),
    v.description("What the site says about itself"),
  ),
});

/** One line for each site that heard the node. */
export const regionNodeView = v.object({
  id: v.pipe(text, v.description("The node, `!hex8`")),
  long_name: v.nullable(text),
  short_name: v.nullable(text),
  site: v.pipe(text, v.description("Name of the other site that heard it")),
  last_heard: v.pipe(text, v.description("By this gateway's clock")),
});
export type RegionNodeView = v.InferOutput<typeof regionNodeView>;

export const regionView = v.object({
  state: v.pipe(
    v.picklist(["alone", "unusable", "unjoined", "waiting", "enrolled", "revoked"]),
    v.description("`alone`: no region is configured; `unusable`: its files cannot be used, for the reason in `problem`"),
  ),
  problem: v.nullable(text),
  region: v.nullable(text),
  site: v.nullable(text),
  id: v.nullable(fingerprint),
  share: v.array(text),
  broker: v.nullable(
    v.object({
      url: text,
      state: v.picklist(["stopped", "connecting", "connected", "waiting"]),
      reason: v.nullable(text),
      since: text,
      reconnects: v.number(),
    }),
  ),
  key_number: v.pipe(v.nullable(v.number()), v.description("Higher after each revocation, and the same at all sites")),
  troubles: v.pipe(v.array(text), v.description("What is wrong, one line each")),
  messages: v.object({
    sent: v.number(),
    failed: v.number(),
    received: v.number(),
    refused: v.pipe(v.record(text, v.number()), v.description("By reason")),
  }),
  sites: v.array(siteView),
});

export const joinRequest = v.strictObject({
  invitation: v.optional(v.pipe(v.string(), v.maxLength(64 * 1024), v.description("Join by it, and wait to be enrolled"))),
  site: v.optional(v.pipe(v.string(), v.maxLength(64), v.description("Enrol this site, which waits: its name or fingerprint"))),
  fingerprint: v.optional(v.pipe(v.string(), v.maxLength(128), v.description("What the site's operator read out; another one is refused"))),
});

export const joinAnswer = v.object({
  did: v.pipe(v.picklist(["founded", "invited", "joined", "enrolled"]), v.description("What was done")),
  invitation: v.pipe(v.nullable(text), v.description("For further sites. Whoever has it can read along: pass it on in private")),
  must_restart: v.pipe(v.boolean(), v.description("A revoked site comes back under a new key at its next start")),
  region: regionView,
});

export const revokeRequest = v.strictObject({ site: v.pipe(v.string(), v.minLength(1), v.maxLength(64)) });
export const revokeAnswer = v.object({
  site: siteView,
  orphans: v.pipe(v.array(siteView), v.description("Out as well: that site alone had enrolled them")),
  told: v.pipe(v.boolean(), v.description("False: the broker is away, and the other sites hear of it when it is back")),
});

export const leaveRequest = v.strictObject({
  purge: v.optional(v.pipe(v.boolean(), v.description("Delete what plugins shared, of this site and of others; else it stays here"))),
  force: v.optional(v.pipe(v.boolean(), v.description("Leave although the others cannot be told: revoke this site at another one"))),
});
export const leaveAnswer = v.object({
  told: v.pipe(
    v.nullable(v.number()),
    v.description("Other sites that hear of it, those that are away when they are back; null: none was told"),
  ),
  purged: v.boolean(),
  region: regionView,
});

export const rolloutView = v.object({
  id: text,
  way: v.pipe(v.picklist(["out", "back"]), v.description("`back`: the sites return to the version before")),
  name: text,
  version: text,
  state: v.pipe(
    v.picklist(["running", "watching", "done", "halted"]),
    v.description("`watching`: all sites of the stage run it, and are watched for a while; `halted`: no further site gets it"),
  ),
  reason: v.pipe(v.nullable(text), v.description("Why it was halted")),
  stage: v.number(),
  stages: v.number(),
  started_at: text,
  left_out: v.pipe(v.array(text), v.description("Sites that were offline when it began")),
  sites: v.array(
    v.object({
      id: fingerprint,
      name: text,
      stage: v.number(),
      step: v.picklist(["waiting", "offered", "fetching", "installing", "running", "returned", "refused", "failed"]),
      reason: v.nullable(text),
    }),
  ),
});
export type RolloutView = v.InferOutput<typeof rolloutView>;

export type SiteViewJson = v.InferOutput<typeof siteView>;
export type RegionView = v.InferOutput<typeof regionView>;
export type JoinRequest = v.InferOutput<typeof joinRequest>;
export type JoinAnswer = v.InferOutput<typeof joinAnswer>;
export type LeaveRequest = v.InferOutput<typeof leaveRequest>;
export type LeaveAnswer = v.InferOutput<typeof leaveAnswer>;
export type RevokeAnswer = v.InferOutput<typeof revokeAnswer>;
