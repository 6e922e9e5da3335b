/** Channels by their name while no radio is connected: what is said at the start waits for the radio, and goes where the name is then. */
import { expect, test } from "bun:test";
import { systemClock, systemRandom } from "../../src/clock.ts";
import { SimulatedMesh } from "../../src/mesh/simulator/mesh.ts";
import { serveStream } from "../../src/mesh/stream-server/serve.ts";
import { freePort, Gateway, PATIENCE_MS } from "./harness.ts";

const early = {
  manifest: "permissions: [send_messages]\n",
  code: `import { Plugin } from "zephyrgate";
export default class Early extends Plugin {
  override start() {
    void this.sendMessage("early", { channel: "Rescue" }).then(() => this.log.info("queued early"), (error) => this.log.error("refused early", { error }));
  }
}`,
};

interface Heard {
  readonly text: string;
  readonly channel: number;
}

/** A radio with these channels on a TCP port, and what goes over it. */
function radio(port: number, channels: readonly string[]): { readonly heard: Heard[]; stop(): void } {
  const mesh = new SimulatedMesh({ nodes: 2, channels, clock: systemClock, random: systemRandom });
  const heard: Heard[] = [];
  mesh.onHeard(({ text, channel }) => void heard.push({ text, channel }));
  const server = serveStream(mesh, { port });
  if (!server.ok) throw server.error;
  return {
    heard,
    stop: () => {
      server.value.stop();
      mesh.stop();
    },
  };
}

test("a text for a channel by its name waits for the radio; the names are known at the next start, and a moved channel is followed", async () => {
  const [port, radioPort] = [freePort(), freePort()];
  const interfaces = `[{ name: roof, type: tcp, host: 127.0.0.1, port: ${radioPort} }]`;
  const first = await Gateway.start({ interfaces, spacingS: 0.1, port, plugins: { early } });
  let up = radio(radioPort, ["", "Rescue"]);
  try {
    await first.until("the text of the start is on its channel", () => up.heard.some(({ text }) => text === "early"), PATIENCE_MS);
    expect(up.heard.find(({ text }) => text === "early")).toEqual({ text: "early", channel: 1 });
    expect(first.output).not.toContain("refused early");
    const unknown = await first.api<{ detail: string }>("POST", "/messages", { text: "x", channel: "Nowhere" });
    expect(unknown.status).toBe(404);
    await first.end("SIGTERM");
  } finally {
    up.stop();
  }
  const second = await Gateway.start({ dir: first.dir, port });
  try {
    const sent = await second.api<{ id: string }>("POST", "/messages", { text: "held", channel: "Rescue" });
    expect(sent.status).toBe(202);
    const held = await second.api<{ state: string; held?: string }>("GET", `/messages/${sent.body.id}`);
    expect(held.body).toMatchObject({ state: "queued", held: "no_link" });
    up = radio(radioPort, ["", "Other", "Rescue"]);
    await second.until("it went out", () => up.heard.some(({ text }) => text === "held"), PATIENCE_MS);
    expect(up.heard.find(({ text }) => text === "held")).toEqual({ text: "held", channel: 2 });
  } finally {
    await second.stop();
    up.stop();
  }
}, 180_000);
