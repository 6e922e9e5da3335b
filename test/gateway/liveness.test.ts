import { expect, test } from "bun:test";
import { fail, ok } from "../../src/errors.ts";
import { Liveness } from "../../src/gateway/liveness.ts";
import type { PluginHost } from "../../src/sandbox/port.ts";
import { FakeClock, settle } from "../fake-clock.ts";

function bench() {
  const clock = new FakeClock(1_000_000);
  const links = [{ name: "base", isAttended: true }];
  const host: { asked: number; answer: () => ReturnType<PluginHost["validateConfig"]> } = { asked: 0, answer: async () => ok([]) };
  const validateConfig = () => {
    host.asked += 1;
    return host.answer();
  };
  const hosts = [{ key: "shared", host: { validateConfig } }];
  const liveness = new Liveness({ clock, hosts: () => hosts, links: () => links });
  /** One look, with the time that it waits for an answer. */
  const look = async () => {
    const found = liveness.check();
    await settle();
    await clock.advance(10_000);
    return found;
  };
  return { clock, links, host, hosts, look };
}

test("all is well while links are looked after and hosts answer", async () => {
  const { look, host, hosts } = bench();
  for (let i = 0; i < 20; i++) expect(await look()).toBeNull();
  expect(host.asked).toBe(20);
  hosts.length = 0;
  expect(await look()).toBeNull();
});

test("a link that nothing opens again is named at once", async () => {
  const { look, links } = bench();
  links.push({ name: "roof", isAttended: false });
  expect(await look()).toBe("link roof is down and nothing tries to open it");
});

test.each([
  ["never answers", () => new Promise<never>(() => undefined)],
  ["answers too late", async () => fail("timeout", "The plugin host did not answer in time")],
])("a host that %s is stuck after two minutes, and a new one in its place is not", async (_, answer) => {
  const { look, host, hosts } = bench();
  expect(await look()).toBeNull();
  host.answer = answer;
  const found: (string | null)[] = [];
  for (let i = 0; i < 14; i++) found.push(await look());
  expect(found.slice(0, 10)).toEqual(Array(10).fill(null));
  expect(found.at(-1)).toBe("plugin host shared gives no answer and was not ended");
  host.answer = async () => ok([]);
  const before = hosts[0];
  if (before !== undefined) hosts[0] = { key: "shared", host: { validateConfig: before.host.validateConfig } };
  expect(await look()).toBeNull();
});
