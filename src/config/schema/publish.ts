/** What the operator's own broker gets. */
import * as v from "valibot";
import { brokerUrl, login } from "./broker.ts";
import { about, list, node, number, rate, text, whole } from "./values.ts";

export const publish = v.optional(
  v.pipe(
    v.strictObject({
      url: brokerUrl,
      ...login,
      topic: v.optional(
        v.pipe(
          v.string(),
          v.regex(
            /^[A-Za-z0-9_-]{1,32}(?:\/[A-Za-z0-9_-]{1,32}){0,3}$/,
            "is not a topic of letters, digits, _ and - | for example zephyrgate/summit",
          ),
          v.description("Topic above json/1; each gateway on a broker needs its own."),
        ),
        "zephyrgate",
      ),
      nodes: v.optional(
        v.pipe(
          v.union([v.literal("all"), v.array(node)], "must be all, or a list of node ids"),
          v.description("Nodes whose state is published; `[]`: none, and what an earlier run published is removed."),
        ),
        "all",
      ),
      nodes_max: v.optional(whole(1, 2000, "So many nodes at most: anybody on the air can invent some."), 200),
      interval_s: v.optional(number(1, 86_400, "Least seconds between two states of one node."), 60),
      home_assistant: v.optional(
        v.pipe(
          v.strictObject({
            prefix: v.optional(
              v.pipe(
                v.string(),
                v.regex(/^[A-Za-z0-9_-]{1,32}$/, "is not a prefix | Home Assistant's own is homeassistant"),
                v.description("Its discovery prefix."),
              ),
              "homeassistant",
            ),
          }),
          v.description("Make each published node a device in Home Assistant. Absent: off."),
        ),
      ),
      texts: v.optional(
        v.pipe(
          v.strictObject({
            out: v.optional(about(v.boolean(), "Publish texts that were received and sent."), true),
            in: v.optional(
              about(v.boolean(), "Send texts that are published under json/1/send: whoever may write that topic sends as the operator."),
              false,
            ),
            channels: v.optional(list(text("Name of a channel.", 32), "Channels whose texts pass, both ways. Absent: all.")),
            direct: v.optional(about(v.boolean(), "Direct messages, too, both ways: they are private."), false),
            rate: v.optional(rate("Texts from the broker."), "6/min"),
          }),
          v.description("Texts as JSON. Absent: off."),
        ),
      ),
    }),
    v.description("Nodes and texts on the operator's own MQTT broker. Absent: off."),
  ),
);
