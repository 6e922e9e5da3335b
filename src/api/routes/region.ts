import * as v from "valibot";
import { fail, ok, type Result } from "../../errors.ts";
import type { Control, RegionControl, RolloutControl } from "../contract/control.ts";
import {
  joinAnswer,
  joinRequest,
  leaveAnswer,
  leaveRequest,
  regionNodeView,
  regionView,
  revokeAnswer,
  revokeRequest,
  rolloutView,
} from "../contract/region-views.ts";
import { listOf, pageOf, paging, type Route, reply, route } from "../route/route.ts";

const tag = "region";
/** Of a package; every site gets it through the broker. */
const ROLLOUT_BYTES = 2 * 1024 * 1024;

function region(control: Control): Result<RegionControl> {
  return control.region === undefined ? fail("unavailable", "this gateway takes part in no region") : ok(control.region);
}

function rollouts(control: Control): Result<RolloutControl> {
  return control.rollouts === undefined ? fail("unavailable", "this gateway takes part in no region") : ok(control.rollouts);
}

const stages = v.pipe(
  v.string(),
  v.regex(/^(?:[1-9]\d{0,3},){0,19}(?:[1-9]\d{0,3}|all)$/, "growing numbers of sites, such as 1,3,all"),
  v.transform((given) => given.split(",").map((count) => (count === "all" ? null : Number(count)))),
  v.description("How many sites have it after each stage: `1,3,all`"),
);
const waitS = v.pipe(
  v.string(),
  v.regex(/^\d{1,6}$/, "seconds"),
  v.transform(Number),
  v.maxValue(86_400, "at most a day"),
  v.description("Seconds for which each stage is watched before the next"),
);
const siteList = v.pipe(
  v.string(),
  v.minLength(1),
  v.maxLength(4_096),
  v.transform((given) => given.split(",")),
  v.description("Names or fingerprints, in the order in which they get it; absent: every other enrolled site, by name"),
);

export const regionRoutes: readonly Route[] = [
  route({
    method: "GET",
    path: "/api/v1/region/rollout",
    access: "read",
    summary: "The last rollout that was begun here",
    tag,
    answers: { 200: v.object({ rollout: v.nullable(rolloutView) }) },
    run({ control }) {
      const known = rollouts(control);
      return known.ok ? reply(ok({ rollout: known.value.status() })) : known;
    },
  }),
  route<unknown, { stages: (number | null)[]; wait_s: number; sites?: string[] | undefined }, Uint8Array>({
    method: "POST",
    path: "/api/v1/region/rollout",
    access: "admin",
    summary: "Roll a signed package out to other sites, stage by stage; it halts by itself when a site refuses it, fails or goes",
    tag,
    query: v.strictObject({ stages: v.optional(stages, "1,all"), wait_s: v.optional(waitS, "600"), sites: v.optional(siteList) }),
    upload: ROLLOUT_BYTES,
    answers: { 202: rolloutView },
    errors: ["conflict", "not_found", "manifest_invalid", "load_failed"],
    async run({ control, query, body, actor }) {
      const known = rollouts(control);
      if (!known.ok) return known;
      const request = { stages: query.stages, waitMs: query.wait_s * 1000, sites: query.sites ?? null };
      return reply(known.value.begin(body, request, actor), undefined, 202);
    },
  }),
  route({
    method: "DELETE",
    path: "/api/v1/region/rollout",
    access: "admin",
    summary: "Halt the rollout: no further site gets it",
    tag,
    answers: { 200: rolloutView },
    errors: ["conflict"],
    run({ control, actor }) {
      const known = rollouts(control);
      return known.ok ? reply(known.value.halt(actor)) : known;
    },
  }),
  route({
    method: "POST",
    path: "/api/v1/region/rollout/back",
    access: "admin",
    summary: "The sites that took the last rollout return to the version before, by the same stages",
    tag,
    answers: { 202: rolloutView },
    errors: ["conflict"],
    run({ control, actor }) {
      const known = rollouts(control);
      return known.ok ? reply(known.value.back(actor), undefined, 202) : known;
    },
  }),
  route({
    method: "GET",
    path: "/api/v1/region",
    access: "read",
    summary: "The region and its sites, as this gateway sees them",
    tag,
    answers: { 200: regionView },
    run({ control }) {
      const known = region(control);
      return known.ok ? reply(ok(known.value.view())) : known;
    },
  }),
  route({
    method: "GET",
    path: "/api/v1/region/nodes",
    access: "read",
    summary: "Nodes that other sites of the region heard: names, where and when; empty without a region",
    tag,
    query: v.strictObject(paging),
    answers: { 200: listOf(regionNodeView) },
    run({ control, query }) {
      return reply(pageOf([...(control.region?.nodes() ?? [])], query, (item) => `${item.id} ${item.site}`));
    },
  }),
  route({
    method: "POST",
    path: "/api/v1/region/join",
    access: "admin",
    summary: "Make the region or an invitation to it, join by an invitation, or enrol a site that waits",
    tag,
    body: joinRequest,
    answers: { 200: joinAnswer },
    errors: ["conflict", "not_found", "data_unusable"],
    async run({ control, body, actor }) {
      const known = region(control);
      return known.ok ? reply(known.value.join(body, actor)) : known;
    },
  }),
  route({
    method: "POST",
    path: "/api/v1/region/revoke",
    access: "admin",
    summary: "Revoke a site for ever, and replace the region's key",
    tag,
    body: revokeRequest,
    answers: { 200: revokeAnswer },
    errors: ["conflict", "not_found", "data_unusable"],
    run({ control, body, actor }) {
      const known = region(control);
      return known.ok ? reply(known.value.revoke(body.site, actor)) : known;
    },
  }),
  route({
    method: "POST",
    path: "/api/v1/region/leave",
    access: "admin",
    summary: "Leave the region: the others are told, and the keys of this site are forgotten",
    tag,
    body: leaveRequest,
    answers: { 200: leaveAnswer },
    errors: ["conflict", "data_unusable"],
    async run({ control, body, actor }) {
      const known = region(control);
      return known.ok ? reply(await known.value.leave(body, actor)) : known;
    },
  }),
];
