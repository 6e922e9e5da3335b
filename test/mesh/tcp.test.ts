import { describe, expect, test } from "bun:test";
import { systemClock } from "../../src/clock.ts";
import type { TransportLimits } from "../../src/mesh/transport/port.ts";
import { TcpTransport } from "../../src/mesh/transport/tcp.ts";
import { type ContractHarness, type ContractPeer, transportContract, until } from "./transport-contract.ts";

interface Far {
  text: string;
  unsent: Uint8Array;
}

async function harness(limits: Partial<TransportLimits>): Promise<ContractHarness> {
  const accepted: Bun.Socket<Far>[] = [];
  let taken = 0;
  const flush = (socket: Bun.Socket<Far>) => {
    socket.data.unsent = socket.data.unsent.subarray(Math.max(socket.write(socket.data.unsent), 0));
  };
  const server = Bun.listen<Far>({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open(socket) {
        socket.data = { text: "", unsent: new Uint8Array() };
        accepted.push(socket);
      },
      data(socket, bytes) {
        socket.data.text += bytes.toString("latin1");
      },
      drain: flush,
      error() {},
    },
  });
  return {
    transport: new TcpTransport("127.0.0.1", server.port, { clock: systemClock, limits }),
    async peer(): Promise<ContractPeer> {
      await until("a connection", () => accepted.length > taken);
      const socket = accepted[taken++];
      if (socket === undefined) throw new Error("no connection");
      return {
        received: () => socket.data.text,
        async send(text) {
          socket.data.unsent = Buffer.concat([socket.data.unsent, Buffer.from(text)]);
          flush(socket);
        },
        stall: () => socket.pause(),
        hangUp: () => void socket.end(),
      };
    },
    async dispose() {
      server.stop(true);
    },
  };
}

transportContract("tcp", harness);

describe("tcp", () => {
  test("a refused connection names the address and what to do", async () => {
    const server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    const { port } = server;
    server.stop(true);
    const transport = new TcpTransport("127.0.0.1", port, { clock: systemClock });
    const opened = await transport.open({ data() {}, closed() {} });
    expect(opened.ok).toBe(false);
    if (opened.ok) return;
    expect(opened.error.code).toBe("link_down");
    expect(opened.error.where).toContain(`127.0.0.1:${port}`);
    expect(opened.error.hint).toContain("host and port");
  });

  test("shows an IPv6 address in brackets", () => {
    expect(new TcpTransport("::1", 4403, { clock: systemClock }).target).toBe("[::1]:4403");
  });
});
