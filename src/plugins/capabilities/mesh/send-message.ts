import * as v from "valibot";
import { BROADCAST } from "../../../mesh/ids.ts";
import { PRIORITIES } from "../../../mesh/outgoing.ts";
import type { SendArgs } from "../../../sdk/boundary/wire.ts";
import { refused } from "../../plugin/instance.ts";
import { flag, identifier, nodeOrChannel } from "../call/arguments.ts";
import { type Call, denied, done, failed } from "../call/call.ts";
import type { Capability } from "../call/capability.ts";
import { isUnknownChannel, resolveAddress } from "./address.ts";
import { queueText } from "./queue-text.ts";

export const sendMessage: Capability<"send_message"> = {
  args: v.strictObject({
    content: v.pipe(v.string(), v.maxLength(16_000)),
    destination: v.exactOptional(nodeOrChannel),
    channel: v.exactOptional(nodeOrChannel),
    replyTo: v.exactOptional(identifier),
    react: flag,
    hopLimit: v.exactOptional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(7))),
    priority: v.exactOptional(v.picklist(PRIORITIES)),
    wantAck: flag,
  }),
  asks: ["send_messages", "override_commands"],
  words: "sends text to the mesh in the gateway's name",
  methods: ["sendMessage"],
  run: async (call) => {
    const { args, services, origin, instance } = call;
    if (args.react === true && args.replyTo === undefined) {
      return refused("TypeError", "send_message: react needs replyTo, the packet id of the message it reacts to", "invalid_argument");
    }
    let address = resolveAddress(args, origin, services);
    if (isUnknownChannel(address, args) && (await services.channelsTold(call.signal))) address = resolveAddress(args, origin, services);
    if (!address.ok) return failed(address.error);
    const { to, routes } = address.value;
    const queued = queueText(services.outbox, (ask) => call.decide(ask), {
      plugin: instance.plugin,
      text: args.content,
      parts: services.outbox.parts(args.content),
      to,
      routes,
      ...(args.replyTo === undefined ? {} : { replyId: args.replyTo }),
      ...(args.react === true ? { isReaction: true } : {}),
      ...(args.hopLimit === undefined ? {} : { hopLimit: args.hopLimit }),
      priority: () => priorityOf(call),
      wantAck: args.wantAck ?? to !== BROADCAST,
      correlationId: origin.correlationId,
      isReply: false,
    });
    if (queued.state === "denied") return denied(queued.decision);
    if (queued.state === "refused") return failed(queued.error);
    const stored = await queued.stored;
    if (!stored.ok) return failed(stored.error);
    instance.metrics.messagesSent += 1;
    return done({ id: queued.id });
  },
};

/** A plugin alone cannot make an emergency: that lane is for the gateway and for plugins that hold an emergency word. */
function priorityOf({ args, decideOwn }: Call<SendArgs>): NonNullable<SendArgs["priority"]> {
  if (args.priority !== "emergency") return args.priority ?? "normal";
  return decideOwn({ permission: "override_commands", command: "sos" }).allowed ? "emergency" : "high";
}
