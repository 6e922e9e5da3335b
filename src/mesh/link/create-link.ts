import { type MqttInterface, MqttTransport } from "../transport/mqtt.ts";
import type { Transport, TransportLimits } from "../transport/port.ts";
import { SerialTransport } from "../transport/serial.ts";
import { TcpTransport } from "../transport/tcp.ts";
import { type LinkDeps, MeshLink } from "./link.ts";

/** An interface of the configuration. A simulated one is made with its mesh: `new MeshLink(name, transport, deps)`. */
export type LinkConfig =
  | { readonly name: string; readonly type: "serial"; readonly device: string; readonly baud_rate: number }
  | { readonly name: string; readonly type: "tcp"; readonly host: string; readonly port: number }
  | ({ readonly name: string; readonly type: "mqtt" } & MqttInterface);

export function createLink(config: LinkConfig, deps: LinkDeps & { readonly limits?: Partial<TransportLimits> }): MeshLink {
  return new MeshLink(config.name, transportOf(config, deps), deps);
}

function transportOf(config: LinkConfig, deps: LinkDeps & { readonly limits?: Partial<TransportLimits> }): Transport {
  switch (config.type) {
    case "serial":
      return new SerialTransport(config.device, config.baud_rate, deps);
    case "tcp":
      return new TcpTransport(config.host, config.port, deps);
    case "mqtt":
      return new MqttTransport(config, deps);
  }
}
