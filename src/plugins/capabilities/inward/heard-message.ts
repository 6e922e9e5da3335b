import type { MeshMessage } from "../../../mesh/message.ts";
import type { CapabilitySet } from "../../../permissions/grammar/types.ts";
import type { WayIn } from "../call/capability.ts";

export const heardMessage: WayIn = {
  asks: ["receive_messages"],
  words: "hears messages of the mesh",
  methods: ["registerKeyword", "registerMessageHandler"],
};

/** A channel as scopes name it. */
export interface NamedChannel {
  readonly index: number;
  readonly name?: string;
}

export function namedChannel(index: number, name: string | undefined): NamedChannel {
  return name === undefined ? { index } : { index, name };
}

/** Decided for each message: a revocation holds from the next one on. */
export function mayHearMessage(
  capabilitySet: Pick<CapabilitySet, "checkOwn">,
  message: Pick<MeshMessage, "isDirect">,
  channel: NamedChannel,
  correlationId: string,
): boolean {
  return capabilitySet.checkOwn({ permission: "receive_messages", isDirect: message.isDirect, channel }, correlationId).allowed;
}
