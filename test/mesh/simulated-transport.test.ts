import { describe, expect, test } from "bun:test";
import { systemClock, systemRandom } from "../../src/clock.ts";
import { ok } from "../../src/errors.ts";
import { heartbeatFrame, wantConfigFrame } from "../../src/mesh/codec/to-radio.ts";
import { SimulatedMesh } from "../../src/mesh/simulator/mesh.ts";
import type { Client } from "../../src/mesh/stream-server/attachment.ts";
import type { ConnectionEnd, TransportLimits } from "../../src/mesh/transport/port.ts";
import { type Attachable, SimulatedTransport } from "../../src/mesh/transport/simulated.ts";
import { type ContractHarness, transportContract, until } from "./transport-contract.ts";

interface Far {
  readonly client: Client;
  text: string;
  isStalled: boolean;
}

/** A mesh's gateway node that keeps what it gets, in place of one that understands it. */
async function harness(limits: Partial<TransportLimits>): Promise<ContractHarness> {
  const accepted: Far[] = [];
  let taken = 0;
  const mesh: Attachable = {
    nodes: [],
    attach(client) {
      const far: Far = { client, text: "", isStalled: false };
      accepted.push(far);
      return ok({
        receive(bytes) {
          if (!far.isStalled) far.text += Buffer.from(bytes).toString("latin1");
          return !far.isStalled;
        },
        close() {},
        ready() {},
      });
    },
  };
  return {
    transport: new SimulatedTransport(mesh, { clock: systemClock, limits }),
    async peer() {
      const far = accepted[taken++];
      if (far === undefined) throw new Error("no connection");
      return {
        received: () => far.text,
        send: async (text) => far.client.bytes(new TextEncoder().encode(text)),
        stall: () => {
          far.isStalled = true;
        },
        hangUp: () => far.client.hangUp("peer"),
      };
    },
    async dispose() {},
  };
}

transportContract("simulated", harness);

describe("simulated transport over a mesh", () => {
  async function connect(mesh: SimulatedMesh, limits: Partial<TransportLimits> = {}) {
    const ends: ConnectionEnd[] = [];
    let received = 0;
    const transport = new SimulatedTransport(mesh, { clock: systemClock, limits });
    const opened = await transport.open({
      data: (bytes) => {
        received += bytes.length;
      },
      closed: (end) => void ends.push(end),
    });
    if (!opened.ok) throw opened.error;
    return { connection: opened.value, ends, received: () => received, target: transport.target };
  }

  test("carries the session; a second connection ends the first; a restarting node refuses", async () => {
    const mesh = new SimulatedMesh({ nodes: 3, clock: systemClock, random: systemRandom });
    const first = await connect(mesh);
    expect(first.target).toBe("3 nodes");
    await first.connection.write(wantConfigFrame(5));
    await until("the burst", () => first.received() > 500);
    const second = await connect(mesh);
    await until("taken over", () => first.ends.length > 0);
    expect(first.ends).toEqual([{ by: "remote" }]);
    mesh.fail({ kind: "reboot", ms: 60_000 });
    await until("rebooted", () => second.ends.length > 0);
    const refused = await new SimulatedTransport(mesh, { clock: systemClock }).open({ data() {}, closed() {} });
    expect(refused.ok ? "ok" : refused.error.code).toBe("link_down");
    mesh.stop();
  });

  test("what waits while the radio is silent goes out when it wakes; else the deadline ends the connection", async () => {
    const mesh = new SimulatedMesh({ nodes: 1, clock: systemClock, random: systemRandom });
    const patient = await connect(mesh);
    mesh.fail({ kind: "silence" });
    const asked = patient.connection.write(wantConfigFrame(5));
    const waiting = patient.connection.write(heartbeatFrame());
    await Bun.sleep(1);
    expect(patient.received()).toBe(0);
    mesh.fail({ kind: "resume" });
    expect([await asked, await waiting]).toEqual([ok(null), ok(null)]);
    await until("the answer", () => patient.received() > 0);

    const hasty = await connect(mesh, { writeDeadlineMs: 20 });
    mesh.fail({ kind: "silence" });
    const late = await hasty.connection.write(heartbeatFrame());
    expect(late.ok ? "ok" : late.error.code).toBe("timeout");
    await until("stalled", () => hasty.ends.length > 0);
    expect(hasty.ends[0]?.by).toBe("stalled");
    mesh.stop();
  });
});
