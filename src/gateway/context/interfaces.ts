import type { Config } from "../../config/schema.ts";
import type { SerialPortInfo } from "../../mesh/transport/discover.ts";

export type Interface = NonNullable<Config["mesh"]["interfaces"]>[number];

export interface Chosen {
  readonly interfaces: readonly Interface[];
  /** Lines printed at the start when no interface is configured. */
  readonly banner: readonly string[];
  readonly allSimulated: boolean;
}

/** The configured interfaces; else a device with a Meshtastic-only USB id; else a simulated mesh, announced in the banner. */
export function chooseInterfaces(config: Config, ports: () => readonly SerialPortInfo[]): Chosen {
  const configured = config.mesh.interfaces;
  if (configured !== undefined) {
    return { interfaces: configured, banner: [], allSimulated: configured.every((entry) => entry.type === "simulated") };
  }
  const found = ports();
  const radio = found.find((port) => port.isMeshtastic);
  if (radio !== undefined) {
    const banner = [`Found a Meshtastic radio: ${radio.device}${radio.product === undefined ? "" : ` (${radio.product})`}`];
    return { interfaces: [{ name: "radio", type: "serial", device: radio.device, baud_rate: 115_200 }], banner, allSimulated: false };
  }
  const others = found.map((port) => `    - { name: base, type: serial, device: ${port.device} }   # ${port.product ?? "serial port"}`);
  const banner = [
    "No radio found: this is a SIMULATED mesh of three nodes. Nothing goes on the air.",
    "To use a radio, write into config.yaml:",
    "  mesh:",
    "    interfaces:",
    ...(others.length > 0 ? others : ["    - { name: base, type: serial, device: /dev/ttyUSB0 }"]),
  ];
  return { interfaces: [{ name: "sim", type: "simulated", nodes: 3 }], banner, allSimulated: true };
}
