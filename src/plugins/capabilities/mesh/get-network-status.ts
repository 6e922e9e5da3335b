import { timeOnAir } from "../../../mesh/airtime/lora.ts";
import { PART_BYTES } from "../../../mesh/codec/text.ts";
import { nothing } from "../call/arguments.ts";
import { denied, done } from "../call/call.ts";
import type { Capability } from "../call/capability.ts";

export const getNetworkStatus: Capability<"get_network_status"> = {
  args: nothing,
  asks: ["system_state_read"],
  words: "sees the state of the radio links",
  methods: ["getNetworkStatus"],
  run: async (call) => {
    const decision = call.decide({ permission: "system_state_read" });
    if (!decision.allowed) return denied(decision);
    const links = call.services.links();
    return done({
      connected: links.some((link) => link.state === "up"),
      operators: call.services.alarms.operators(),
      alertChannels: call.services.alarms.channels(),
      nodeCount: call.services.nodes.all().length,
      links: links.map((link) => ({
        name: link.name,
        type: link.type,
        state: link.state,
        ownNode: link.ownNode ?? null,
        channels: link.channels.map(({ index, name, role }) => ({ index, name, role })),
        channelUtilization: link.channelUtilization ?? null,
        airUtilTx: link.airUtilTx ?? null,
        airtimeMs: { empty: timeOnAir(0, link), full: timeOnAir(PART_BYTES, link) },
      })),
    });
  },
};
