/** Plugins of several sites, in real gateways that the kit joins. */
import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startTestGateway, type TestGateway, type TestOptions, TestRegion } from "zephyrgate/testing";

const folder = mkdtempSync(join(tmpdir(), "region-kit-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const COMMANDS = ["tell", "only", "heard", "keep", "read", "keys", "stop", "slow", "own", "drop", "who", "changes"];

function plugin(name: string, permission = "region"): string {
  const path = join(folder, `${name}${Bun.hash(permission)}`);
  mkdirSync(path, { recursive: true });
  writeFileSync(
    join(path, "manifest.yaml"),
    `name: ${name}\nversion: "1.0.0"\ndescription: x\nauthor: x\npermissions: [send_messages, ${permission}]\ncapabilities: { commands: [${COMMANDS.map((each) => `{ name: ${each}, description: x }`)}] }\n`,
  );
  writeFileSync(
    join(path, "plugin.ts"),
    `import { definePlugin } from "zephyrgate";
export default definePlugin((plugin) => {
  const heard: string[] = [];
  const handle = plugin.region.subscribe("t", async ({ site, topic, body }) => {
    if (body === "slow") await new Promise((done) => setTimeout(done, 2_000));
    if (body === "throw") throw new Error("hostile");
    heard.push(site.name + ">" + topic + ":" + JSON.stringify(body));
  });
  plugin.registerCommand("tell", async (args) => (await plugin.region.publish("t", args.join(" "))).sites);
  plugin.registerCommand("only", async ([name, ...args]) => {
    const site = (await plugin.region.sites()).find((each) => each.name === name);
    return (await plugin.region.publish("t", args.join(" "), { site: site?.id ?? "" })).sites;
  });
  plugin.registerCommand("heard", () => heard.length > 20 ? heard.length : heard.join(" ") || "nothing");
  plugin.registerCommand("keep", async ([key = "", value = ""]) => { await plugin.storeShared(key, value); return "kept"; });
  plugin.registerCommand("read", async ([key = ""]) => await plugin.region.retrieveShared(key, "nothing"));
  plugin.registerCommand("keys", async () => (await plugin.listShared()).join() || "none");
  plugin.registerCommand("own", async ([key = "", value = ""]) => { await plugin.storeShared(key, value, { own: true }); return "kept"; });
  plugin.registerCommand("drop", async ([key = ""]) => await plugin.region.deleteShared(key, { own: true }));
  plugin.registerCommand("who", async ([prefix = ""]) => {
    const { entries, next } = await plugin.region.readShared(prefix);
    return entries.map(({ key, value, site, isSelf, isOwn }) => [key, value, site.name, isSelf ? "self" : "", isOwn ? "own" : ""].join(":")).join(" ") + (next ?? "");
  });
  const changes: string[] = [];
  plugin.onEvent("region_shared_changed", ({ key, isOwn, isDeleted, site }) => void changes.push([key, isOwn, isDeleted, site.length].join(":")));
  plugin.registerCommand("changes", () => changes.splice(0).join(" ") || "none");
  plugin.registerCommand("stop", () => { handle.dispose(); return "stopped"; });
  plugin.registerCommand("slow", async () => { for (let n = 0; n < 40; n++) await plugin.region.publish("t", "slow"); return "sent"; });
});
`,
  );
  return path;
}

async function sites(...options: Partial<TestOptions>[]) {
  const region = new TestRegion();
  const all: TestGateway[] = [];
  for (const [at, each] of options.entries())
    all.push(await startTestGateway({ plugin: plugin("talker"), region, site: ["north", "south", "west"][at] ?? "", ...each }));
  const says = async (at: number, text: string) => {
    const answer = await all[at]?.node("Alice").asks(text);
    await region.quiet();
    return answer;
  };
  const close = async () => {
    for (const gateway of all) await gateway.close();
  };
  return { region, all, says, [Symbol.asyncDispose]: close };
}

test("a message goes to all other sites, or to one; disposing ends it", async () => {
  await using three = await sites({}, {}, {});
  const { says } = three;
  expect(await says(0, "tell hello you")).toBe("2");
  expect(await says(0, "only west psst")).toBe("1");
  expect([await says(0, "heard"), await says(1, "heard"), await says(2, "heard")]).toEqual([
    "nothing",
    'north>t:"hello you"',
    'north>t:"hello you" north>t:"psst"',
  ]);
  await says(2, "stop");
  await says(0, "tell again");
  expect([await says(1, "heard"), await says(2, "heard")]).toEqual([
    'north>t:"hello you" north>t:"again"',
    'north>t:"hello you" north>t:"psst"',
  ]);
});

test("a plugin of another name hears and reads nothing", async () => {
  await using two = await sites({}, { plugin: plugin("listener") });
  const { says } = two;
  await says(0, "tell secret");
  await says(0, "keep key secret");
  expect([await says(1, "heard"), await says(1, "read key"), await says(1, "keys")]).toEqual(["nothing", "nothing", "none"]);
});

test("a revocation holds from the next message on, in both directions, and is audited", async () => {
  await using two = await sites({}, {});
  const { says, all } = two;
  await all[1]?.revoke("region");
  await says(0, "tell unheard");
  await all[1]?.grant("region");
  await says(0, "tell heard");
  expect(await says(1, "heard")).toBe('north>t:"heard"');
  expect(all[1]?.denied.map(({ permission, scope }) => [permission, scope])).toContainEqual(["region", "region(topics=[t])"]);
});

test("what the scope leaves out is neither sent nor read, and the list is without it", async () => {
  const narrow = plugin("talker", "{ region: { topics: [t] } }");
  await using two = await sites({}, { plugin: narrow });
  const { says, all } = two;
  await says(0, "keep other/x 1");
  await says(0, "keep t/x 2");
  expect(await says(1, "keys")).toBe("t/x");
  expect(await says(1, "read t/x")).toBe("2");
  expect(await says(1, "read other/x")).toMatch(/failed/);
  expect(all[1]?.denied.at(-1)).toMatchObject({ permission: "region", scope: "region(topics=[other])" });
});

test("each site has a value of its own under a key, and it is told who wrote what", async () => {
  await using two = await sites({}, {});
  const { says, all, region } = two;
  await says(0, "own t/x 1");
  await says(1, "own t/x 2");
  await says(1, "keep t/x 3");
  expect(await says(0, "who t/")).toBe("t/x:3:south:: t/x:2:south::own t/x:1:north:self:own");
  expect([await says(0, "keys"), await says(0, "read t/x")]).toEqual(["t/x", "3"]);
  expect([await says(1, "drop t/y"), await says(1, "drop t/x")]).toEqual(["false", "true"]);
  await all[0]?.restart({ hours: 1 });
  await region.quiet();
  expect(await says(0, "who t/")).toBe("t/x:3:south:: t/x:1:north:self:own");
  expect(await says(0, "own t/\u0001 1")).toMatch(/failed/);
});

test("a slow handler makes room for few messages of one site; what is above is dropped and counted", async () => {
  await using two = await sites({}, {});
  const { says, all, region } = two;
  await says(0, "slow");
  await region.advance({ minutes: 1 });
  expect((await says(1, "heard"))?.split(" ")).toHaveLength(8);
  expect(all[1]?.control.plugins.get("talker")).toMatchObject({ ok: true, value: { metrics: { events_dropped: 32 } } });
});

test("a handler that throws at another site's message is logged, and the plugin goes on", async () => {
  await using two = await sites({}, {});
  const { says, all } = two;
  await says(0, "tell throw");
  await says(0, "tell fine");
  expect(await says(1, "heard")).toBe('north>t:"fine"');
  expect(all[1]).toHaveLogged(/hostile/);
});

test("after a reload and a killed host it hears once, and a restarted gateway has the shared values", async () => {
  await using two = await sites({}, {});
  const { says, all, region } = two;
  await all[1]?.plugin.reload();
  await all[1]?.killHost();
  await says(0, "tell once");
  expect(await says(1, "heard")).toBe('north>t:"once"');
  await says(0, "keep t/x 5");
  await all[1]?.restart({ hours: 1 });
  await region.quiet();
  expect(await says(1, "read t/x")).toBe("5");
});

test("two sites of one name, and a site that is none, are refused", async () => {
  const region = new TestRegion();
  await using _ = await startTestGateway({ plugin: plugin("talker"), region });
  await expect(startTestGateway({ plugin: plugin("talker"), region })).rejects.toThrow(/two gateways of this test are the site here/);
  await expect(region.cut("north")).rejects.toThrow(/no gateway of this test is the site north/);
});

test("a plugin hears that another site changed a value of its own, once, within its topics, and nothing of its own writes", async () => {
  const narrow = plugin("narrow", "{ region: { topics: [t, a] } }");
  await using three = await sites({}, {}, { plugin: narrow });
  const { says, all } = three;
  await says(0, "keep a/x 1");
  await says(1, "own b 2");
  await says(0, "keep a/x 1");
  expect([await says(0, "changes"), await says(1, "changes")]).toEqual(["b:true:false:32", "a/x:false:false:32"]);
  // Another name is another plugin; what its scope leaves out is not heard.
  expect(await says(2, "changes")).toBe("none");
  await says(1, "drop b");
  expect(await says(0, "changes")).toBe("b:true:true:32");
  expect(all).toHaveLength(3);
});

test("of its own keys, only those of the topics that it was granted", async () => {
  const narrow = plugin("talker", "{ region: { topics: [t, a] } }");
  await using two = await sites({}, { plugin: narrow });
  const { says } = two;
  for (const key of ["a/x", "b/x", "t"]) await says(0, `keep ${key} 1`);
  expect(await says(1, "changes")).toBe("a/x:false:false:32 t:false:false:32");
});
