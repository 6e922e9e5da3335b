/** The own node's answers to admin messages of its client. */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { Admin } from "@meshtastic/protobufs";
import { type BurstFacts, CONFIGS, channelSettings, configOf, MODULES, metadataOf, moduleConfigOf } from "./burst.ts";
import { userOf } from "./nodes.ts";

type AdminVariant = NonNullable<MessageInitShape<typeof Admin.AdminMessageSchema>["payloadVariant"]>;

/** The answer to a request, or null for what is no request. Channels are asked for by their index plus one, as in the firmware. */
export function answerAdmin(request: Admin.AdminMessage["payloadVariant"], facts: BurstFacts): Admin.AdminMessage | null {
  const answer = variantOf(request, facts);
  return answer === null ? null : create(Admin.AdminMessageSchema, { payloadVariant: answer, sessionPasskey: Uint8Array.of(1, 2, 3, 4) });
}

function variantOf(request: Admin.AdminMessage["payloadVariant"], facts: BurstFacts): AdminVariant | null {
  switch (request.case) {
    case "getOwnerRequest":
      return { case: "getOwnerResponse", value: userOf(facts.own) };
    case "getDeviceMetadataRequest":
      return { case: "getDeviceMetadataResponse", value: metadataOf(facts) };
    case "getChannelRequest":
      return { case: "getChannelResponse", value: channelSettings(facts, request.value - 1) };
    case "getConfigRequest": {
      const name = CONFIGS[request.value];
      return name === undefined ? null : { case: "getConfigResponse", value: configOf(facts, name) };
    }
    case "getModuleConfigRequest": {
      const name = MODULES[request.value];
      return name === undefined ? null : { case: "getModuleConfigResponse", value: moduleConfigOf(facts, name) };
    }
    default:
      return null;
  }
}
