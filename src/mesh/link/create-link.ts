import type { TransportLimits } from "../transport/port.ts";
import { SerialTransport } from "../transport/serial.ts";
import { TcpTransport } from "../transport/tcp.ts";
import { type LinkDeps, MeshLink } from "./link.ts";

/** An interface of the configuration. A simulated one is made with its mesh: `new MeshLink(name, transport, deps)`. */
export type LinkConfig =
  | { readonly name: string; readonly type: "serial"; readonly device: string; readonly baud_rate: number }
  | { readonly name: string; readonly type: "tcp"; readonly host: string; readonly port: number };

export function createLink(config: LinkConfig, deps: LinkDeps & { readonly limits?: Partial<TransportLimits> }): MeshLink {
  const transport =
    config.type === "serial"
      ? new SerialTransport(config.device, config.baud_rate, deps)
      : new TcpTransport(config.host, config.port, deps);
  return new MeshLink(config.name, transport, deps);
}
