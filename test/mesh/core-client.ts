import type { Socket } from "node:net";
import { type Types, Utils } from "@meshtastic/core";

/** Above the highest level of the client's log. */
export const SILENT = 7;

/** The independent client's transport, over TCP. */
export function coreTransport(socket: Socket): Types.Transport {
  const toDevice = Utils.toDeviceStream();
  const fromDevice = Utils.fromDeviceStream();
  void toDevice.readable.pipeTo(new WritableStream<Uint8Array>({ write: (bytes) => void socket.write(bytes) }));
  const writer = fromDevice.writable.getWriter();
  socket.on("data", (bytes: Buffer) => void writer.write(new Uint8Array(bytes)));
  return { toDevice: toDevice.writable, fromDevice: fromDevice.readable, disconnect: async () => void socket.destroy() };
}
