import { expect } from "bun:test";
import { startTestGateway, type TestGateway, type TestOptions, TestRegion } from "zephyrgate/testing";

const HOOK = "https://hooks.example.org/mesh";

/** Of the gateway that was started last: each run of the story has its own. */
let region = new TestRegion();

export const options: Partial<TestOptions> = {
  get region() {
    region = new TestRegion();
    return region;
  },
  site: "north",
  settings: {
    mesh: {
      interfaces: [
        { name: "base", type: "simulated", nodes: 1 },
        { name: "roof", type: "simulated", nodes: 2 },
      ],
    },
  },
  operators: ["Warden"],
  secrets: { webhook_token: "s3cret" },
  config: { rules: [{ from: "base/0", to: "roof/Local" }], sites: [{ channel: "Local" }], webhook: { url: HOOK, from: ["base/0"] } },
};

/** What the plugin is for, from its first use to its last: it needs every permission of the manifest. */
export async function story(gateway: TestGateway) {
  const heard: string[] = [];
  gateway.meshes[1]?.onHeard(({ text, channel }) => heard.push(`${channel} ${text}`));
  gateway.http.respond(HOOK, { status: 204 });
  await gateway.node("Alice").says("hello over there", { channel: 0 });
  await gateway.advance({ seconds: 30 });
  expect(heard).toEqual(["1 Alice@base: hello over there"]);
  const [posted] = gateway.http.requests;
  expect(posted?.json).toMatchObject({ text: "hello over there", name: "Alice", link: "base", channel: 0 });
  expect(posted?.headers.authorization).toBe("Bearer s3cret");
  await anotherSite(heard);
  expect(await gateway.node("Warden").asks("bridge off")).toBe("The bridge is off.");
  await gateway.node("Alice").says("and again", { channel: 0 });
  expect(heard).toHaveLength(2);
}

/** What is said at another site of the region is said here, too. */
async function anotherSite(heard: readonly string[]) {
  const config = { sites: [{ channel: "Local" }] };
  await using south = await startTestGateway({ plugin: `${import.meta.dir}/..`, region, site: "south", config, seed: 2 });
  await south.node("Bob").says("hello from the valley", { channel: 1 });
  await region.advance({ seconds: 30 });
  expect(heard.at(-1)).toBe("1 Bob@south: hello from the valley");
}
