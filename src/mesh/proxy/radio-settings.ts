/** What a radio's configuration says about MQTT. The burst holds passwords and keys: none of them leaves this file. */
import { Channel } from "@meshtastic/protobufs";
import type { FromRadio } from "../codec/protobuf.ts";

export interface RadioMqtt {
  readonly enabled: boolean;
  readonly proxyToClient: boolean;
  /** The broker that the radio names, for people only: the gateway connects to its own configuration's. */
  readonly address: string;
  readonly root: string;
  readonly encrypts: boolean;
  readonly reportsMap: boolean;
}

/** The firmware's own, where the setting is empty. */
const DEFAULT_ROOT = "msh";
const SLOTS = 8;

/** Collects the MQTT settings from the frames of a configuration burst. */
export class RadioSettings {
  /** Null before the radio has told them. */
  mqtt: RadioMqtt | null = null;
  readonly #up = new Set<number>();
  readonly #down = new Set<number>();

  /** Returns whether the frame begins a new burst. */
  learn({ payloadVariant: variant }: FromRadio): boolean {
    if (variant.case === "myInfo") {
      this.mqtt = null;
      this.#up.clear();
      this.#down.clear();
      return true;
    }
    if (variant.case === "channel") this.#learnChannel(variant.value);
    if (variant.case === "moduleConfig" && variant.value.payloadVariant.case === "mqtt") {
      const { enabled, proxyToClientEnabled, address, root, encryptionEnabled, mapReportingEnabled } = variant.value.payloadVariant.value;
      this.mqtt = {
        enabled,
        proxyToClient: proxyToClientEnabled,
        address,
        root: root === "" ? DEFAULT_ROOT : root,
        encrypts: encryptionEnabled,
        reportsMap: mapReportingEnabled,
      };
    }
    return false;
  }

  passesUp(channel: number): boolean {
    return this.#up.has(channel);
  }

  takesFrom(channel: number): boolean {
    return this.#down.has(channel);
  }

  #learnChannel({ index, role, settings }: Channel.Channel): void {
    if (index < 0 || index >= SLOTS) return;
    const isUsed = role !== Channel.Channel_Role.DISABLED;
    set(this.#up, index, isUsed && settings?.uplinkEnabled === true);
    set(this.#down, index, isUsed && settings?.downlinkEnabled === true);
  }
}

function set(numbers: Set<number>, number: number, isIn: boolean): void {
  if (isIn) numbers.add(number);
  else numbers.delete(number);
}
