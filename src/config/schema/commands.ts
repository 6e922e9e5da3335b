/** Who is answered, where, and how often. */
import * as v from "valibot";
import { about, channel, list, node, number, rate, section } from "./values.ts";

export const commands = section(
  {
    prefix: v.optional(
      v.pipe(
        v.string(),
        v.regex(/^[^\s\p{C}]{1,8}$/u, "must be 1 to 8 characters without blanks | for example !"),
        v.description("Prefix of a command on a channel."),
      ),
      "!",
    ),
    direct_prefix: v.optional(
      v.pipe(
        v.string(),
        v.regex(/^[^\s\p{C}]{0,8}$/u, "must be at most 8 characters without blanks"),
        v.description("Optional prefix of a command in a direct message."),
      ),
      "",
    ),
    channels: v.optional(
      v.pipe(
        v.union([v.literal("all"), v.array(channel)], "must be all, or a list of channels"),
        v.description("Channels on which commands are answered."),
      ),
      "all",
    ),
    ignore_channels: v.optional(
      list(channel, "Channels on which no message is answered: names (on any link), `LINK/INDEX`, or indexes (of every link)."),
      [],
    ),
    direct_only: v.optional(
      about(v.boolean(), "Hear texts in direct messages only. A cry for help on a channel still gets through."),
      false,
    ),
    channel_replies: v.optional(about(v.picklist(["channel", "direct"]), "Where to send the reply to a command on a channel."), "channel"),
    sender_rate: v.optional(rate("Commands accepted from one sender. A few more wait, then the sender is told once."), "12/min"),
    channel_rate: v.optional(rate("Parts of replies on one channel. Absent: 30/min, or sender_rate where that is more.")),
    admin_commands: v.optional(
      about(
        v.picklist(["encrypted", "any"]),
        "When an operator's node may use admin commands: only in a direct message encrypted to the gateway's own key, or in any message. Anybody can forge a node number, except under such a key.",
      ),
      "encrypted",
    ),
    peers: v.optional(
      list(node, "Other gateways of the same operator on this mesh. A command on a channel is answered by one of them."),
      [],
    ),
    peer_slot_s: v.optional(
      number(0.1, 60, "Seconds that a gateway is given to answer before the next one does; longer than an answer takes to be heard."),
      3,
    ),
    ban: v.optional(list(node, "Nodes that are not heard."), []),
  },
  "Commands from the mesh.",
);
