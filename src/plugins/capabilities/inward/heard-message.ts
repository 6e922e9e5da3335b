import type { ChannelPlace } from "../../../channels.ts";
import type { MeshMessage } from "../../../mesh/message.ts";
import type { CapabilitySet } from "../../../permissions/grammar/types.ts";
import type { WayIn } from "../call/capability.ts";

export const heardMessage: WayIn = {
  asks: ["receive_messages"],
  words: "hears messages of the mesh",
  methods: ["registerKeyword", "registerMessageHandler"],
};

/** The channel on which a message was heard: of its own link, because each radio numbers and names its own. */
export function channelOf(message: Pick<MeshMessage, "link" | "channel">, nameOf: (link: string, index: number) => string): ChannelPlace {
  const { link, channel: index } = message;
  const name = nameOf(link, index);
  return { link, index, ...(name === "" ? {} : { name }) };
}

/** Decided for each message: a revocation holds from the next one on. */
export function mayHearMessage(
  capabilitySet: Pick<CapabilitySet, "checkOwn">,
  message: Pick<MeshMessage, "isDirect">,
  channel: ChannelPlace,
  correlationId: string,
): boolean {
  return capabilitySet.checkOwn({ permission: "receive_messages", isDirect: message.isDirect, channel }, correlationId).allowed;
}
