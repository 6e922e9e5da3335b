import { copyJson } from "../../../json-reader.ts";
import { nothing } from "../call/arguments.ts";
import { denied, done } from "../call/call.ts";
import type { Capability } from "../call/capability.ts";

export const regionSites: Capability<"region_sites"> = {
  args: nothing,
  asks: ["region"],
  words: "sees the sites of the region",
  methods: ["region.sites"],
  run: async (call) => {
    const decision = call.decide({ permission: "region", any: true });
    return decision.allowed ? done(copyJson(call.services.region.sites())) : denied(decision);
  },
};
