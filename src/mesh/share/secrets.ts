/** Takes out of the radio's configuration what a client of the gateway must not have. */
import { clone, create, toBinary } from "@bufbuild/protobuf";
import { Admin, Config, Mesh, ModuleConfig } from "@meshtastic/protobufs";
import { type FromRadio, tryDecode } from "../codec/protobuf.ts";

/** Field of FromRadio for region presets, which the published protobufs do not name. */
const REGION_PRESETS = 19;

/**
 * The frame without private key, admin keys, Wi-Fi and MQTT passwords and Bluetooth PIN. Null for a section that the
 * published protobufs do not know: nobody can say whether it holds a secret.
 */
export function withoutSecrets(frame: FromRadio): FromRadio | null {
  const { payloadVariant: variant } = frame;
  switch (variant.case) {
    case "config": {
      const value = withoutConfigSecrets(variant.value);
      return value === null ? null : create(Mesh.FromRadioSchema, { payloadVariant: { case: "config", value } });
    }
    case "moduleConfig": {
      const value = withoutModuleSecrets(variant.value);
      return value === null ? null : create(Mesh.FromRadioSchema, { payloadVariant: { case: "moduleConfig", value } });
    }
    case undefined:
      return frame.$unknown?.every(({ no }: { no: number }) => no === REGION_PRESETS) === true ? frame : null;
    default:
      return frame;
  }
}

/** The payload of an admin answer without secrets; null when it does not decode, or is of an unknown kind. */
export function adminWithoutSecrets(payload: Uint8Array): Uint8Array | null {
  const message = tryDecode(Admin.AdminMessageSchema, payload);
  if (message === null) return null;
  const { payloadVariant: variant } = message;
  // The key of an admin session is of use only for changes.
  const open = (payloadVariant: Admin.AdminMessage["payloadVariant"]) =>
    toBinary(Admin.AdminMessageSchema, create(Admin.AdminMessageSchema, { payloadVariant }));
  switch (variant.case) {
    case "getConfigResponse": {
      const value = withoutConfigSecrets(variant.value);
      return value === null ? null : open({ case: variant.case, value });
    }
    case "getModuleConfigResponse": {
      const value = withoutModuleSecrets(variant.value);
      return value === null ? null : open({ case: variant.case, value });
    }
    case undefined:
      return null;
    default:
      return open(variant);
  }
}

function withoutConfigSecrets(config: Config.Config): Config.Config | null {
  const copy = clone(Config.ConfigSchema, config);
  const { payloadVariant: section } = copy;
  switch (section.case) {
    case undefined:
      return null;
    case "security":
      section.value.privateKey = new Uint8Array();
      section.value.adminKey = [];
      delete section.value.$unknown;
      break;
    case "network":
      section.value.wifiPsk = "";
      delete section.value.$unknown;
      break;
    case "bluetooth":
      section.value.fixedPin = 0;
      delete section.value.$unknown;
      break;
    default:
      break;
  }
  delete copy.$unknown;
  return copy;
}

function withoutModuleSecrets(config: ModuleConfig.ModuleConfig): ModuleConfig.ModuleConfig | null {
  const copy = clone(ModuleConfig.ModuleConfigSchema, config);
  const { payloadVariant: section } = copy;
  if (section.case === undefined) return null;
  if (section.case === "mqtt") {
    section.value.username = "";
    section.value.password = "";
    delete section.value.$unknown;
  }
  delete copy.$unknown;
  return copy;
}
