/** Radios that are not there, come late, go away, or talk rubbish. */
import { expect, test } from "bun:test";
import { systemClock, systemRandom } from "../../src/clock.ts";
import { SimulatedMesh } from "../../src/mesh/simulator/mesh.ts";
import { serveStream } from "../../src/mesh/stream-server/serve.ts";
import { freePort, Gateway } from "./harness.ts";

interface LinkView {
  readonly name: string;
  readonly state: string;
  readonly reason?: string;
  readonly counters: Record<string, number>;
}

async function linkOf(gateway: Gateway, name: string): Promise<LinkView | undefined> {
  const { body } = await gateway.api<{ links: LinkView[] }>("GET", "/status");
  return body.links.find((link) => link.name === name);
}

test("no device, nobody on the port: one line each, the gateway is ready and keeps trying until the radio comes", async () => {
  const port = freePort();
  const gateway = await Gateway.start({
    interfaces: `[{ name: base, type: serial, device: /dev/ttyNOTHERE }, { name: roof, type: tcp, host: 127.0.0.1, port: ${port} }]`,
    spacingS: 0.1,
  });
  const mesh = new SimulatedMesh({ nodes: 2, clock: systemClock, random: systemRandom });
  try {
    await gateway.until(
      "both were tried again",
      async () => {
        const links = [await linkOf(gateway, "base"), await linkOf(gateway, "roof")];
        return links.every((link) => (link?.counters.reconnects ?? 0) >= 1);
      },
      30_000,
    );
    expect((await gateway.tryFetch("/health/ready"))?.status).toBe(200);
    expect(gateway.lines(/WARN .*base/)).toEqual([
      expect.stringMatching(/link base is down: there is no such device \(plug the radio in, or correct `device`/),
    ]);
    expect(gateway.lines(/WARN .*roof/)).toEqual([
      expect.stringMatching(/link roof is down: cannot connect: nobody listens there \(check that the node is on/),
    ]);
    expect((await linkOf(gateway, "base"))?.reason).toContain("there is no such device");
    // What is said meanwhile waits for the radio.
    const { status } = await gateway.api("POST", "/messages", { text: "patience", destination: "!00000002" });
    expect(status).toBe(202);
    const heard: string[] = [];
    mesh.onHeard(({ text }) => heard.push(text));
    const server = serveStream(mesh, { port });
    expect(server.ok).toBe(true);
    await gateway.until("the late radio is used", () => heard.length > 0, 60_000);
    expect(heard).toEqual(["patience"]);
    expect((await linkOf(gateway, "roof"))?.state).toBe("up");
    if (server.ok) server.value.stop();
  } finally {
    await gateway.stop();
    mesh.stop();
  }
}, 120_000);

test("rubbish on the link: counted, told once, never fatal; nor is a radio that restarts", async () => {
  const gateway = await Gateway.start({ spacingS: 0.1 });
  try {
    const rubbish = () => gateway.api("POST", "/simulate/faults", { kind: "rubbish", bytes: 3000 });
    await gateway.until("the link is up", () => gateway.output.includes("link sim is up"));
    for (let i = 0; i < 5; i++) {
      expect((await rubbish()).status).toBe(204);
      expect((await gateway.ask("ping", /^pong/)).text).toStartWith("pong");
    }
    await gateway.until("all is counted", async () => ((await linkOf(gateway, "sim"))?.counters.garbage_bytes ?? 0) > 5_000);
    await Bun.sleep(500);
    expect(gateway.lines(/garbage_bytes=/)).toHaveLength(1);
    expect((await linkOf(gateway, "sim"))?.state).toBe("up");
    expect((await gateway.api("POST", "/simulate/faults", { kind: "reboot", ms: 500 })).status).toBe(204);
    await gateway.until(
      "it is up again",
      async () => {
        const link = await linkOf(gateway, "sim");
        return link?.state === "up" && (link.counters.reconnects ?? 0) > 0;
      },
      30_000,
    );
    expect((await gateway.ask("ping", /^pong/)).text).toStartWith("pong");
    expect(gateway.process.exitCode).toBeNull();
  } finally {
    await gateway.stop();
  }
}, 120_000);
