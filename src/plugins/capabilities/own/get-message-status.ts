import * as v from "valibot";
import { word } from "../call/arguments.ts";
import { done } from "../call/call.ts";
import type { Capability } from "../call/capability.ts";
import { eventJson } from "../inward/event-json.ts";

export const getMessageStatus: Capability<"get_message_status"> = {
  args: v.strictObject({ id: word(40) }),
  asks: [],
  words: "sees what became of a message of its own",
  methods: ["getMessageStatus"],
  run: async ({ instance, args, services }) => {
    const status = services.outbox.get(args.id);
    const isOwn = status?.sender.kind === "plugin" && status.sender.plugin === instance.plugin;
    return done(status !== null && isOwn ? eventJson("message_status", status) : null);
  },
};
