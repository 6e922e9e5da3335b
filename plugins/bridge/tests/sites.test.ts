import { expect, test } from "bun:test";
import { startTestGateway, type TestGateway, type TestOptions, TestRegion } from "zephyrgate/testing";

const plugin = `${import.meta.dir}/..`;
const LISTED = { sites: [{ channel: "Local" }] };
const TEXT_MESSAGE = 1;
const EVERYBODY = 0xffffffff;

interface Site {
  readonly gateway: TestGateway;
  /** What each of its meshes heard of it, with the channel. */
  readonly air: string[];
  /** A packet that this site's radio hears on channel 1. */
  hears(from: number, packetId: number, text: string, mesh?: number): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

let seed = 1;

async function start(region: TestRegion, site: string, more: Partial<TestOptions> = {}): Promise<Site> {
  const gateway = await startTestGateway({
    ...{ plugin, region, site, config: LISTED, operators: ["Warden"], seed: seed++ },
    ...more,
  });
  const air: string[] = [];
  for (const [at, mesh] of gateway.meshes.entries()) {
    mesh.onHeard(({ text, channel, to }) => void (to === EVERYBODY && air.push(`${at === 0 ? "" : `mesh ${at}: `}${channel} ${text}`)));
  }
  const hears = async (from: number, id: number, text: string, mesh = 0) => {
    const payload = new TextEncoder().encode(text);
    gateway.meshes[mesh]?.hear({ from, to: EVERYBODY, channel: 1, id } as never, { portnum: TEXT_MESSAGE, payload });
    await gateway.quiet();
  };
  return { gateway, air, hears, [Symbol.asyncDispose]: () => gateway[Symbol.asyncDispose]() };
}

/** Longer than a text of another site waits, and than it takes to send it. */
const settle = (region: TestRegion) => region.advance({ seconds: 30 });
const status = ({ gateway }: Site) => gateway.node("Warden").asks("bridge");

test("a text on a listed channel is said at the other site with its sender and the site, on that channel alone", async () => {
  const region = new TestRegion();
  await using north = await start(region, "north", { channels: ["", "Local"] });
  await using south = await start(region, "south", { channels: ["", "Other", "Local"] });
  await north.gateway.node("Alice").says("hello valley", { channel: 1 });
  await north.gateway.node("Alice").says("on another channel", { channel: 0 });
  await north.gateway.node("Alice").says("!help", { channel: 1 });
  await settle(region);
  expect(south.air).toEqual(["2 Alice@north: hello valley"]);
  await south.gateway.node("Bob").says("hello north", { channel: 2 });
  await settle(region);
  expect(north.air.filter((text) => text.startsWith("1 Bob"))).toEqual(["1 Bob@south: hello north"]);
  expect(await status(north)).toBe("Local <> 1 site: 1 out, 1 in, 0 held back");
});
