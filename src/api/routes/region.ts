import { fail, ok, type Result } from "../../errors.ts";
import type { Control, RegionControl } from "../contract/control.ts";
import { joinAnswer, joinRequest, regionView, revokeAnswer, revokeRequest } from "../contract/region-views.ts";
import { type Route, reply, route } from "../route/route.ts";

const tag = "region";

function region(control: Control): Result<RegionControl> {
  return control.region === undefined ? fail("unavailable", "this gateway takes part in no region") : ok(control.region);
}

export const regionRoutes: readonly Route[] = [
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
];
