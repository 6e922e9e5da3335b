/** Programs that use the radio through a real gateway. */
import { expect, test } from "bun:test";
import { connect, type Socket } from "node:net";
import { create } from "@bufbuild/protobuf";
import { Mesh } from "@meshtastic/protobufs";
import { encodeFrame } from "../../src/mesh/codec/framer.ts";
import { encodeToRadio } from "../../src/mesh/codec/protobuf.ts";
import { BareClient } from "../mesh/simulated-client.ts";
import { freePort, Gateway } from "./harness.ts";

/** A program on a TCP port, which says what it is told and keeps what it gets. */
async function program(port: number): Promise<{ client: BareClient; socket: Socket; isClosed: () => boolean }> {
  const socket = connect(port, "127.0.0.1");
  let isClosed = false;
  socket.on("close", () => {
    isClosed = true;
  });
  await new Promise((resolve, reject) => socket.once("connect", resolve).once("error", reject));
  const client = new BareClient({
    attach: (peer) => {
      socket.on("data", (bytes: Buffer) => peer.bytes(new Uint8Array(bytes)));
      return { ok: true, value: { receive: (bytes) => socket.write(bytes), close: () => void socket.destroy(), ready: (run) => run() } };
    },
  });
  return { client, socket, isClosed: () => isClosed };
}

test("mesh.share: two programs at once use the radio while the gateway answers commands; they leave with the gateway", async () => {
  const port = freePort();
  const gateway = await Gateway.start({ env: { ZEPHYRGATE_MESH__SHARE__PORT: String(port) } });
  try {
    await gateway.until("the port is open", () => gateway.output.includes(`programs may use the radio of sim at 127.0.0.1:${port}`));
    await gateway.until("the link is up", () => gateway.output.includes("link sim is up"));
    const programs = [await program(port), await program(port)];
    for (const { client } of programs) client.say({ case: "wantConfigId", value: 99 });
    await gateway.until("both are configured", () => programs.every(({ client }) => client.cases().includes("configCompleteId")));
    expect((await gateway.ask("ping", /^pong/)).text).toStartWith("pong");
    await gateway.until("both heard the question", () =>
      programs.every(({ client }) => client.texts().some(([, text]) => text === "ping")),
    );
    const [a, b] = programs;
    a?.client.text({ id: 4711, from: 1, to: 2, text: "from an app", wantAck: true });
    await gateway.until(
      "it is acknowledged",
      () => a?.client.routing().some(([from, id, code]) => from === 2 && id === 4711 && code === 0) === true,
    );
    expect(b?.client.routing()).toEqual([]);
    const { body } = await gateway.api<{ items: { text: string; packets: number[]; state: string }[] }>("GET", "/messages");
    expect(body.items.find(({ text }) => text === "from an app")).toMatchObject({ packets: [4711], state: "delivered" });
    // Another stranger's noise harms nobody.
    a?.socket.write(encodeFrame(encodeToRadio(create(Mesh.ToRadioSchema))));
    a?.socket.write(crypto.getRandomValues(new Uint8Array(10_000)));
    expect((await gateway.ask("ping", /^pong/)).text).toStartWith("pong");
    const closed = () => programs.every(({ isClosed }) => isClosed());
    await gateway.stop();
    for (let i = 0; i < 500 && !closed(); i++) await Bun.sleep(10);
    expect(closed()).toBe(true);
  } finally {
    await gateway.stop();
  }
}, 120_000);

test("a port that is taken is an error and an alert; the gateway runs all the same", async () => {
  const taken = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const gateway = await Gateway.start({ env: { ZEPHYRGATE_MESH__SHARE__PORT: String(taken.port) } });
  try {
    await gateway.until("it is said", () => /the radio is not shared: .*the port may be in use/.test(gateway.output));
    expect((await gateway.ask("ping", /^pong/)).text).toStartWith("pong");
  } finally {
    await gateway.stop();
    taken.stop(true);
  }
}, 120_000);
