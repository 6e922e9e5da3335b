/** A whole gateway on a machine whose clock was never set: it says so, gives no radio that time, and does both right once the clock is set. */
import { expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { Gateway } from "../../src/gateway/composition-root.ts";
import { prepareSimulated } from "../../src/gateway/context/simulated.ts";
import { createLog } from "../../src/log/log.ts";
import { FakeClock, fakeRandom } from "../fake-clock.ts";

test("a clock that was never set is told, kept from the radio, and over once it is set", async () => {
  const clock = new FakeClock(600_000);
  const prepared = prepareSimulated("base", { operators: ["!00000003"] });
  if (!prepared.ok) throw new TypeError(JSON.stringify(prepared.error));
  const { loaded, chosen, folder } = prepared.value;
  const log = createLog(loaded.config.log, { clock, console: null });
  const overrides = { api: false, bundled: [], mesh: (options: object) => ({ ...options, nodes: 4 }) } as never;
  const gateway = new Gateway({ loaded, chosen, clock, random: fakeRandom(3), log, allowAll: false, safe: false, overrides });
  const pass = async (seconds: number) => {
    for (let i = 0; i < seconds; i++) await clock.advance(1_000);
  };
  const heard: string[] = [];
  const rxTimes: (number | undefined)[] = [];
  gateway.bus.on("message_received", ({ rxTime }) => void rxTimes.push(rxTime));
  try {
    const started = gateway.start();
    await pass(5);
    expect((await started).ok).toBe(true);
    const [mesh] = gateway.meshes;
    mesh?.onHeard(({ to, text }) => void heard.push(`${to} ${text}`));
    await pass(90);
    const codes = () => gateway.control?.alerts.list().map(({ code }) => code);
    expect(codes()).toEqual(["clock_wrong"]);
    expect(gateway.control?.status().clock).toMatchObject({ state: "wrong", reason: expect.stringContaining("1970") });
    mesh?.say({ from: 2, text: "help" });
    await pass(5);
    expect(rxTimes).toEqual([undefined]);
    expect(heard.filter((line) => line.startsWith("2 "))).not.toEqual([]);

    clock.jumpWall(Date.UTC(2026, 5, 1));
    await pass(70);
    expect(codes()).toEqual([]);
    expect(gateway.control?.status()).toMatchObject({ clock: { state: "trusted" } });
    expect(gateway.control?.status().uptime_s).toBeLessThan(600);
    mesh?.say({ from: 2, text: "help" });
    await pass(5);
    expect(Math.abs((rxTimes.at(-1) ?? 0) - clock.now() / 1000)).toBeLessThan(60);
    expect(log.book.tail({}, 1_000).filter(({ message }) => message.startsWith("this machine's clock is wrong"))).toHaveLength(1);
  } finally {
    const stopped = gateway.stop();
    await pass(10);
    await stopped;
    rmSync(folder, { recursive: true, force: true });
  }
}, 60_000);
