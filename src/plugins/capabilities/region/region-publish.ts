import * as v from "valibot";
import { topicProblem } from "../../../sdk/boundary/topics.ts";
import { refused } from "../../plugin/instance.ts";
import { json, word } from "../call/arguments.ts";
import { denied, done, failed } from "../call/call.ts";
import type { Capability } from "../call/capability.ts";

export const regionPublish: Capability<"region_publish"> = {
  args: v.strictObject({ topic: word(200), body: json, site: v.exactOptional(word(64)) }),
  asks: ["region"],
  words: "sends messages to the same plugin at other sites",
  methods: ["region.publish"],
  run: async (call) => {
    const { topic, body, site } = call.args;
    const problem = topicProblem(topic);
    if (problem !== null) return refused("TypeError", problem, "invalid_argument");
    const decision = call.decide({ permission: "region", topic });
    if (!decision.allowed) return denied(decision);
    const room = call.instance.budget.publish(body);
    if (!room.ok) return failed(room.error);
    const sent = call.services.region.publish(call.instance.plugin, topic, body, site);
    return sent.ok ? done({ sites: sent.value.sites }) : failed(sent.error);
  },
};
