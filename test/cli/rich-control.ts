/** The fake gateway with more to tell: every line that a verb can print has something to print. */
import type { Control } from "../../src/api/contract/control.ts";
import { fail, ok } from "../../src/errors.ts";
import { fakeControl, LINK, status } from "../api/fake-control.ts";

export function richControl(): ReturnType<typeof fakeControl> {
  const fake = fakeControl();
  const { control, calls } = fake;
  const note = (what: string, ...args: unknown[]) => void calls.push({ what, args });
  const plugin = () => control.plugins.list();
  const messages = [
    status({ id: "m_00000000000000000000000009", state: "failed", final: true, reason: "no_ack" }),
    status({ id: "m_00000000000000000000000008", state: "delivered", final: true, sender: { kind: "operator" }, to: 0xffffffff, parts: 2 }),
    status({ id: "m_00000000000000000000000007", state: "queued" }),
  ];
  const rich: Control = {
    ...control,
    status: () => ({
      ...control.status(),
      uptime_s: 5_000,
      degraded: ["link roof is waiting", "1 plugin has failed"],
      safeMode: true,
      disk: { state: "read_only", free_bytes: 5 * 2 ** 20 },
      clock: { state: "wrong", reason: "it is before the last stop" },
      links: [
        { ...LINK, region: "EU_868", modemPreset: "LONG_FAST", channelUtilization: 0.256, airUtilTx: 0.0123, dutyCycle: 0.1 },
        { ...LINK, name: "roof", type: "tcp", target: "192.0.2.1:4403", state: "waiting", reason: "refused" },
      ],
      outbox: {
        queued: 2,
        sent: 1,
        delivered: 3,
        failed: 4,
        oldest_queued_s: 100,
        airtime: { total_s: 12.34, plugins: { ping: 2, bbs: 10.34 }, channels: {}, links: {} },
      },
      stale_texts: 7,
      walls: [
        { wall: "seccomp", stands: true, detail: "tried" },
        { wall: "landlock", stands: false, detail: "not in this kernel" },
      ],
      alerts: [{ time: "2026-01-15T10:00:00.000Z", code: "disk_low", message: "the disk is \u001b[31mnearly full" }],
    }),
    nodes() {
      const known = control.nodes();
      if (!("ok" in known) || !known.ok) return known;
      const [own, near, far] = known.value;
      if (own === undefined || near === undefined || far === undefined) return known;
      const position = { latitude: 46.94809, longitude: 7.44744 };
      return ok([
        own,
        { ...near, shortName: "N2", snr: 5.25, hopsAway: 0, batteryLevel: 87, position },
        { ...far, hopsAway: 3, batteryLevel: 101, lastHeard: Date.parse("2026-01-15T10:45:00Z") },
      ]);
    },
    backups: {
      list: () => [{ name: "a.zgb", path: "/b/a.zgb", kind: "daily", made_at: "2026-01-14T03:30:00.000Z", bytes: 5_000_000 }],
      make: async () => fail("unavailable", "not here"),
      path: () => fail("not_found", "there is no backup of that name"),
    } as unknown as NonNullable<Control["backups"]>,
    messages: { ...control.messages, list: (_, { limit }) => ok({ items: messages.slice(0, limit), next: null }) },
    packages: {
      install: async () => fail("unavailable", "not here"),
      async use(name, version) {
        note("use", name, version);
        const list = await plugin();
        const [first] = list.ok ? list.value : [];
        return version === "1.0.0" && first !== undefined
          ? ok({ plugin: first, waits: false })
          : fail("not_found", `${name} has no version ${version}`);
      },
      async remove(name, options) {
        note("remove", name, options);
        return ok(null);
      },
      async export(name) {
        note("export", name);
        return ok(Buffer.from("data of it"));
      },
      async import(name, bytes) {
        note("import", name, bytes.length);
        const list = await plugin();
        const [first] = list.ok ? list.value : [];
        return first === undefined
          ? fail("not_found", "no plugin")
          : ok({ ...first, imported: { rows: { counts: 3 }, left: [{ what: "counts", reason: "n is no number", count: 1 }] } });
      },
      async emptyData(name) {
        note("emptyData", name);
        const list = await plugin();
        const [first] = list.ok ? list.value : [];
        return first === undefined ? fail("not_found", "no plugin") : ok({ plugin: first, waits: false });
      },
    },
  };
  fake.log.logger.child("hello_world").info("started", { after_ms: 5 });
  fake.log.logger.child("mesh").warn("the radio \u001b[31mrestarted");
  return { ...fake, control: rich };
}
