/** `kill -9` of the gateway while messages wait and leave: none is lost, none is heard under two packet ids. */
import { afterAll, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { systemClock, systemRandom } from "../../src/clock.ts";
import { SimulatedMesh } from "../../src/mesh/simulator/mesh.ts";
import type { HeardText } from "../../src/mesh/simulator/texts.ts";
import { type StreamServer, serveStream } from "../../src/mesh/stream-server/serve.ts";
import { freePort, Gateway, prepare, tempDir } from "./harness.ts";

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function newRadio() {
  const mesh = new SimulatedMesh({ nodes: 3, clock: systemClock, random: systemRandom, textSpacingMs: 0 });
  const heard: HeardText[] = [];
  mesh.onHeard((text) => heard.push(text));
  return { mesh, heard };
}

function serve(mesh: SimulatedMesh, port: number): StreamServer {
  const server = serveStream(mesh, { port });
  if (!server.ok) throw server.error;
  return server.value;
}

function folderFor(port: number): string {
  const dir = tempDir();
  folders.push(dir);
  prepare(dir, { interfaces: `[{ name: roof, type: tcp, host: 127.0.0.1, port: ${port} }]`, spacingS: 0.25 });
  return dir;
}

async function queue(gateway: Gateway, text: string, more: Record<string, unknown> = {}): Promise<string> {
  const { status, body } = await gateway.api<{ id: string }>("POST", "/messages", { text, ...more });
  expect(status).toBe(202);
  return body.id;
}

/** Each text under one packet id, told once. */
function expectOnce(heard: readonly HeardText[], texts: readonly string[]): void {
  const ids = new Map<string, Set<number>>();
  for (const { text, packetId } of heard) ids.set(text, (ids.get(text) ?? new Set()).add(packetId));
  expect([...ids].filter(([, packets]) => packets.size > 1)).toEqual([]);
  expect(heard.map(({ text }) => text).toSorted()).toEqual(texts.toSorted());
}

test("killed while everything waits: all of it leaves after the next start, EMERGENCY first", async () => {
  const { mesh, heard } = newRadio();
  const port = freePort();
  const dir = folderFor(port);
  const first = await Gateway.start({ dir });
  const texts = Array.from({ length: 6 }, (_, i) => `waiting ${i}`);
  const ids: string[] = [];
  for (const [i, text] of texts.entries()) ids.push(await queue(first, text, { destination: `!0000000${2 + (i % 3)}` }));
  ids.push(await queue(first, "low", { channel: 0, priority: "low" }));
  ids.push(await queue(first, "HELP", { channel: 0, priority: "emergency" }));
  // The answer says that it is stored: nothing more is waited for.
  await first.end("SIGKILL");
  const server = serve(mesh, port);
  const second = await Gateway.start({ dir });
  try {
    await second.until("all is heard", () => heard.length >= ids.length, 60_000);
    await Bun.sleep(600);
    expect(heard[0]?.text).toBe("HELP");
    expect(heard.at(-1)?.text).toBe("low");
    expectOnce(heard, [...texts, "low", "HELP"]);
    await second.until("the log says so", () => second.output.includes("resuming messages of the last run"));
    for (const id of ids) {
      const { body } = await second.api<{ state: string; packets: number[] }>("GET", `/messages/${id}`);
      expect(["sent", "relayed", "delivered"]).toContain(body.state);
    }
  } finally {
    await second.end("SIGTERM");
    server.stop();
    mesh.stop();
  }
}, 120_000);

test("killed again and again while they leave: each is heard once, under one packet id", async () => {
  const { mesh, heard } = newRadio();
  const server = serve(mesh, 0);
  const dir = folderFor(server.port);
  // Parts of one long text follow each other; which of them had left when the gateway died must not matter.
  const words = Array.from({ length: 60 }, (_, i) => `word${i}`).join(" ");
  const wanted: string[] = [];
  let gateway = await Gateway.start({ dir });
  try {
    for (let round = 0; round < 4; round++) {
      // Counted before anything is queued: a busy machine may hear the first texts while the others are still being queued.
      const before = heard.length;
      for (let i = 0; i < 5; i++) {
        const text = `round ${round} text ${i}`;
        await queue(gateway, text, i % 2 === 0 ? { destination: "!00000003" } : { channel: 0 });
        wanted.push(text);
      }
      if (round === 0) await queue(gateway, words, { destination: "!00000002" });
      await gateway.until("some have left", () => heard.length >= before + 2 + round, 60_000);
      // Not always at the same point between two texts.
      await Bun.sleep(round * 60);
      await gateway.end("SIGKILL");
      gateway = await Gateway.start({ dir });
    }
    await gateway.until("all is heard", () => wanted.every((text) => heard.some((each) => each.text === text)), 60_000);
    const isPart = ({ text }: HeardText) => /word\d/.test(text);
    await gateway.until(
      "every part is heard",
      () =>
        heard
          .filter(isPart)
          .map(({ text }) => text)
          .join(" ")
          .includes("word59"),
      60_000,
    );
    await Bun.sleep(1_500);
    expectOnce(
      heard.filter((each) => !isPart(each)),
      wanted,
    );
    const parts = heard.filter(isPart);
    expect(new Set(parts.map(({ packetId }) => packetId)).size).toBe(parts.length);
    const said = parts
      .map(({ text }) => text.replace(/^\(\d\/\d\) | ?\(\d\/\d\)$/g, ""))
      .toSorted((a, b) => words.indexOf(a) - words.indexOf(b));
    expect(said.join(" ")).toBe(words);
    const failed = (await gateway.messages()).filter((message) => message.state === "failed");
    expect(failed).toEqual([]);
  } finally {
    await gateway.end("SIGTERM");
    server.stop();
    mesh.stop();
  }
}, 180_000);
