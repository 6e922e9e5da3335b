import type { ChannelIndex, NodeNumber } from "./ids.ts";

export interface Channel {
  readonly index: ChannelIndex;
  readonly name: string;
  readonly role: "primary" | "secondary" | "disabled";
}

/** The transitions are in mesh/link/states.ts. */
export type LinkState = "connecting" | "configuring" | "up" | "waiting" | "stopped";

/** How a radio modulates, where that is not one of the presets. */
export interface Modem {
  readonly spreadingFactor: number;
  /** kHz. */
  readonly bandwidth: number;
  /** 4/5 is 5. */
  readonly codingRate: number;
}

export interface LinkStatus {
  readonly name: string;
  readonly type: "serial" | "tcp" | "mqtt" | "simulated";
  /** The device path, host:port, or the count of simulated nodes. */
  readonly target: string;
  readonly state: LinkState;
  /** Why it is not up. */
  readonly reason?: string;
  /** ms since 1970. */
  readonly since: number;
  readonly ownNode?: NodeNumber;
  readonly channels: readonly Channel[];
  readonly firmware?: string;
  /** `CUSTOM` with settings of its own: then they are in `modem`. */
  readonly modemPreset?: string;
  readonly modem?: Modem;
  /** As the firmware names it: `EU_868`. */
  readonly region?: string;
  /** Share of an hour in which the region allows the radio to send, 0 to 1; absent where nothing limits it. */
  readonly dutyCycle?: number;
  /** 0 to 1, as the node reports it. */
  readonly channelUtilization?: number;
  readonly airUtilTx?: number;
  /** Where the radio uses the gateway's network for MQTT. */
  readonly mqttProxy?: ProxyStatus;
  readonly counters: Readonly<Record<LinkCounter, number>>;
}

export type LinkCounter =
  | "framesIn"
  | "framesOut"
  | "packetsIn"
  | "packetsOut"
  | "garbageBytes"
  | "undecodable"
  /** Packets whose sender is 0 or the broadcast address. */
  | "impossibleSenders"
  | "reconnects"
  | "duplicates";

/** `off`: the radio does not ask for it, or its settings do not fit; `waiting`: the radio is not up; `down`: the broker is not reached. */
export type ProxyState = "waiting" | "off" | "connecting" | "up" | "down";

/** A radio's way to a broker through the gateway. */
export interface ProxyStatus {
  /** The broker's address. */
  readonly broker: string;
  readonly state: ProxyState;
  /** Why it is not up. */
  readonly reason?: string;
  /** Names of the channels that pass, upwards and downwards. */
  readonly up: readonly string[];
  readonly down: readonly string[];
  /** Messages since the start, by `DIRECTION_OUTCOME`: `up_passed`, `down_rate`, ... */
  readonly counters: Readonly<Record<string, number>>;
}
