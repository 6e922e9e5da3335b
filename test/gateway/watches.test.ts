/** What the gateway watches and tells of: plugins, links, the region, operators' texts, traffic, and what a restore takes. */
import { describe, expect, test } from "bun:test";
import type { GatewayStatus } from "../../src/api/contract/control.ts";
import { EventBus } from "../../src/bus.ts";
import type { CoreEvents } from "../../src/events/core.ts";
import { LinkWatch } from "../../src/gateway/alerts/link-watch.ts";
import { OperatorTexts } from "../../src/gateway/alerts/operator-texts.ts";
import { PluginWatch } from "../../src/gateway/alerts/plugin-watch.ts";
import { describeStart } from "../../src/gateway/banner.ts";
import { lossesOf, pluginsAmong } from "../../src/gateway/losses.ts";
import { logTraffic } from "../../src/gateway/mesh/traffic.ts";
import { siteReport } from "../../src/gateway/region/report.ts";
import { SiteWatch } from "../../src/gateway/region/site-watch.ts";
import { describeNow } from "../../src/gateway/summary.ts";
import { silentLogger } from "../../src/log/logger.ts";
import { BROADCAST } from "../../src/mesh/ids.ts";
import type { MessageStatus, OutboxRequest } from "../../src/mesh/outgoing.ts";
import { VERSION } from "../../src/version.ts";
import { fakeControl, LINK, received, status } from "../api/fake-control.ts";
import { FakeClock } from "../fake-clock.ts";

function world() {
  const bus = new EventBus<CoreEvents>((_, thrown) => {
    throw thrown;
  });
  const clock = new FakeClock(Date.UTC(2026, 0, 15));
  const said: string[] = [];
  const where = ({ plugin, link }: { plugin?: string | null; link?: string }) => [plugin, link].filter(Boolean).join(" ");
  bus.on("alert", (alert) => void said.push(`${alert.code} ${where(alert)}: ${alert.message}${alert.quiet === true ? " (quiet)" : ""}`));
  bus.on("alert_cleared", (over) => void said.push(`${over.code} ${where(over)} is over`));
  const take = () => said.splice(0);
  return { bus, clock, take };
}

describe("plugins", () => {
  type Watched = { name: string; state: "running" | "failed" | "awaiting_approval"; pending: { state: string } | null };
  function watched(...first: Watched[]) {
    const { bus, clock, take } = world();
    let plugins = first;
    const watch = new PluginWatch({ bus, clock, plugins: () => plugins as never });
    watch.start();
    const become = async (...now: Watched[]) => {
      plugins = now;
      bus.emit("plugin_stopped", { plugin: "other", reason: "x" } as never);
      await clock.advance(1);
      return take().filter((each) => !each.includes("permission_requested other"));
    };
    return { bus, clock, take, watch, become };
  }
  const a = (state: Watched["state"], pending: Watched["pending"] = null): Watched => ({ name: "a", state, pending });

  test("one that fails, and one that waits, are told once each and cleared when that is over", async () => {
    const { become } = watched();
    const failed = "plugin_failed a: a failed; plugin list has the reason";
    const waits = "approval_pending a: a waits for your approval (zephyrgate plugin enable a)";
    expect(await become(a("failed"))).toEqual([failed]);
    expect(await become(a("failed"))).toEqual([]);
    expect(await become(a("awaiting_approval"))).toEqual(["plugin_failed a is over", waits]);
    expect(await become(a("running", { state: "awaiting_approval" }))).toEqual([]);
    expect(await become(a("running"))).toEqual(["approval_pending a is over"]);
    expect(await become(a("failed"))).toEqual([failed]);
    expect(await become()).toEqual(["plugin_failed a is over"]);
  });

  test("what waited before the start is not sent again, what failed is", async () => {
    const waiting = watched(a("awaiting_approval"));
    expect(waiting.take()).toEqual(["approval_pending a: a waits for your approval (zephyrgate plugin enable a) (quiet)"]);
    expect(watched(a("failed")).take()).toEqual(["plugin_failed a: a failed; plugin list has the reason"]);
  });

  test("a change that announces nothing is seen within a minute, and none after the stop", async () => {
    const plugins: Watched[] = [];
    const { bus, clock, take } = world();
    const watch = new PluginWatch({ bus, clock, plugins: () => plugins as never });
    watch.start();
    plugins.push(a("failed"));
    await clock.advance(59_000);
    expect(take()).toEqual([]);
    await clock.advance(1_000);
    expect(take()).toHaveLength(1);
    plugins.length = 0;
    await clock.advance(60_000);
    expect(take()).toEqual(["plugin_failed a is over"]);
    watch.stop();
    plugins.push(a("failed"));
    bus.emit("plugin_started", { plugin: "a" } as never);
    bus.emit("permission_requested", { plugin: "a", permission: "secrets" });
    await clock.advance(120_000);
    expect(take()).toEqual([]);
  });

  test("a permission that is asked for at run time is told until it is decided, or the plugin stops", () => {
    const { bus, take } = watched();
    for (const event of ["permission_changed", "plugin_stopped"] as const) {
      bus.emit("permission_requested", { plugin: "a", permission: "secrets" });
      bus.emit(event, { plugin: "a" } as never);
      expect(take()).toEqual([
        "permission_requested a: a asks for a permission (zephyrgate permission list a)",
        "permission_requested a is over",
      ]);
    }
  });
});

describe("links", () => {
  test("one that is down for long is told with its reason, once; up again it is over", async () => {
    const { bus, clock, take } = world();
    let after = 600;
    let reason: string | undefined = "refused (check the cable)";
    const links = () => [{ name: "usb", state: "waiting" as const, ...(reason === undefined ? {} : { reason }) }];
    const watch = new LinkWatch({ bus, clock, log: silentLogger, links, downAfterS: () => after });
    watch.start();
    await clock.advance(599_999);
    expect(take()).toEqual([]);
    bus.emit("link_state", { ...LINK, name: "usb", state: "connecting" });
    await clock.advance(1);
    expect(take()).toEqual(["link_down usb: no radio link usb for 10 min: refused"]);
    await clock.advance(1_000_000);
    expect(take()).toEqual([]);
    bus.emit("link_state", { ...LINK, name: "usb", state: "up" });
    bus.emit("link_state", { ...LINK, name: "usb", state: "up" });
    expect(take()).toEqual(["link_down usb is over"]);
    [after, reason] = [119, undefined];
    bus.emit("link_state", { ...LINK, name: "usb", state: "waiting" });
    await clock.advance(60_000);
    bus.emit("link_state", { ...LINK, name: "usb", state: "up" });
    await clock.advance(600_000);
    expect(take()).toEqual(["link_down usb is over"]);
    bus.emit("link_state", { ...LINK, name: "usb", state: "waiting" });
    await clock.advance(119_000);
    expect(take()).toEqual(["link_down usb: no radio link usb for 119 s"]);
    bus.emit("link_state", { ...LINK, name: "usb", state: "up" });
    after = 0;
    bus.emit("link_state", { ...LINK, name: "usb", state: "waiting" });
    take();
    watch.stop();
    await clock.advance(1_000_000);
    expect(take()).toEqual([]);
  });

  test("after the stop nothing is told", async () => {
    const { bus, clock, take } = world();
    const watch = new LinkWatch({ bus, clock, log: silentLogger, links: () => [], downAfterS: () => 120 });
    watch.start();
    bus.emit("link_state", { ...LINK, state: "waiting" });
    watch.stop();
    bus.emit("link_state", { ...LINK, name: "other", state: "waiting" });
    await clock.advance(1_000_000);
    expect(take()).toEqual([]);
  });
});

describe("the region", () => {
  function watched(downAfterS = 120) {
    const { bus, clock, take } = world();
    const site = {
      state: "enrolled",
      isConnected: true,
      all: [{ id: "b", name: "east", state: "enrolled", online: true }],
      troubles: [] as string[],
      change: () => {},
    };
    const own = {
      get state() {
        return site.state;
      },
      connected: () => site.isConnected,
      sites: () => [{ id: "a", name: "north", state: "self", online: false }, ...site.all],
      get region() {
        return { context: { troubles: { list: () => site.troubles } } };
      },
      onChange(handler: () => void) {
        site.change = handler;
        return { dispose: () => (site.change = () => {}) };
      },
    };
    const watch = new SiteWatch({ bus, clock, site: own as never, downAfterS: () => downAfterS });
    watch.start();
    return { site, clock, take, watch };
  }
  const east = (more: object) => ({ id: "b", name: "east", state: "enrolled", online: false, ...more });

  test("a site that is away for long, once, without airtime; heard again it is over", async () => {
    const { site, clock, take } = watched();
    site.all = [east({})];
    site.change();
    await clock.advance(119_000);
    site.change();
    expect(take()).toEqual([]);
    await clock.advance(16_000);
    expect(take()).toEqual(["site_down east: site east of the region was not heard for 2 min (quiet)"]);
    await clock.advance(300_000);
    site.all = [east({ online: true })];
    site.change();
    expect(take()).toEqual(["site_down east is over"]);
  });

  test("while the broker is away no site is to blame; its own absence is told", async () => {
    const { site, clock, take } = watched(119);
    site.all = [east({})];
    site.isConnected = false;
    await clock.advance(150_000);
    expect(take()).toEqual(["region_broker_down : no connection to the region's broker for 119 s (quiet)"]);
    site.isConnected = true;
    await clock.advance(90_000);
    expect(take()).toEqual(["region_broker_down  is over"]);
    await clock.advance(60_000);
    expect(take()).toEqual(["site_down east: site east of the region was not heard for 119 s (quiet)"]);
  });

  test("sites that wait or were revoked are not missed, nor is anything where it is switched off", async () => {
    const { site, clock, take } = watched();
    site.all = [east({ state: "waiting" }), east({ id: "c", name: "west", state: "revoked" })];
    await clock.advance(600_000);
    expect(take()).toEqual([]);
    const off = watched(0);
    off.site.all = [east({})];
    off.site.isConnected = false;
    await off.clock.advance(6_000_000);
    expect(off.take()).toEqual([]);
    const revoked = watched();
    revoked.site.state = "revoked";
    revoked.site.isConnected = false;
    await revoked.clock.advance(600_000);
    expect(revoked.take()).toEqual(["region_revoked : this site was revoked from its region (quiet)"]);
    const waiting = watched();
    waiting.site.state = "waiting";
    waiting.site.isConnected = false;
    await waiting.clock.advance(200_000);
    expect(waiting.take()).toEqual(["region_broker_down : no connection to the region's broker for 2 min (quiet)"]);
  });

  test("the first trouble until it is over; nothing after the stop", async () => {
    const { site, clock, take, watch } = watched();
    site.troubles = ["another site has this name", "more"];
    await clock.advance(15_000);
    site.troubles = [];
    await clock.advance(15_000);
    expect(take()).toEqual(["region_trouble : another site has this name (quiet)", "region_trouble  is over"]);
    watch.stop();
    site.troubles = ["more"];
    site.change();
    await clock.advance(60_000);
    expect(take()).toEqual([]);
  });
});

describe("texts to the operators", () => {
  function texts(more: { fromSites?: boolean; list?: readonly MessageStatus[]; refuses?: boolean } = {}) {
    const clock = new FakeClock(Date.UTC(2026, 0, 15));
    const queued: OutboxRequest[] = [];
    const warned: string[] = [];
    const log = { ...silentLogger, warn: (message: string) => void warned.push(message) };
    const config = { language: "en", operators: ["!00000007", "!00000008"], alerts: { from_sites: more.fromSites === true } };
    const operatorTexts = new OperatorTexts(
      { clock, log: { logger: log }, config: () => config } as never,
      {
        newId: () => "c1",
        nodes: { get: (to: number) => (to === 7 ? { link: "usb" } : undefined) },
        links: () => [
          { name: "usb", state: "up" },
          { name: "roof", state: "up" },
          { name: "mast", state: "waiting" },
        ],
        outbox: {
          list: () => more.list ?? [],
          enqueue(request: OutboxRequest) {
            if (more.refuses === true) return { ok: false, error: { summary: () => "it is full" } };
            queued.push(request);
            return { ok: true, value: { id: `m_${queued.length}` } };
          },
        },
      } as never,
    );
    let ids = 0;
    const change = (fields: Partial<CoreEvents["alert_changed"]> = {}) => {
      ids += 1;
      operatorTexts.changed({ change: "raised", id: `a${ids}`, time: "", code: "disk_low", message: "the disk is full", ...fields });
      return queued.splice(0).map(({ to, text, link }) => `${to} ${text}${link === undefined ? "" : ` over ${link}`}`);
    };
    return { change, clock, operatorTexts, queued, warned };
  }

  test("each operator is told, and of the end; an end of what was not told is not", () => {
    const { change } = texts();
    const told = change({ id: "x" });
    expect(told).toHaveLength(2);
    expect(told[0]).toMatch(/^7 .*the disk is full/);
    expect(told[1]).toMatch(/^8 .*the disk is full/);
    const over = change({ id: "x", change: "cleared" });
    expect(over).toHaveLength(2);
    expect(over[0]).not.toBe(told[0] ?? "");
    expect(change({ id: "x", change: "cleared" })).toEqual([]);
    expect(change({ id: "never", change: "cleared" })).toEqual([]);
  });

  test("high, with an acknowledgement; where that fails, over each other link that is up", () => {
    const { operatorTexts, queued } = texts();
    operatorTexts.changed({ change: "raised", id: "a", time: "", code: "c", message: "m" });
    expect(queued[0]).toMatchObject({ to: 7, priority: "high", wantAck: true, sender: { kind: "gateway" }, correlationId: "c1" });
    expect(queued[0]).not.toHaveProperty("link");
    queued.length = 0;
    operatorTexts.report(status({ id: "m_1", state: "failed", to: 7 }));
    expect(queued.map(({ to, link }) => `${to} ${link}`)).toEqual(["7 roof"]);
    operatorTexts.report(status({ id: "m_2", state: "failed", to: 8 }));
    expect(queued.map(({ to, link }) => `${to} ${link}`)).toEqual(["7 roof", "8 usb"]);
  });

  test("one cause once in ten minutes; another plugin's, link's or site's is another", async () => {
    const { change, clock } = texts({ fromSites: true });
    expect(change()).toHaveLength(2);
    expect(change()).toEqual([]);
    for (const other of [{ plugin: "p" }, { link: "l" }, { site: "s" }, { code: "other" }]) {
      expect(change(other)).toHaveLength(2);
      expect(change(other)).toEqual([]);
    }
    await clock.advance(599_999);
    expect(change()).toEqual([]);
    await clock.advance(1);
    expect(change()).toHaveLength(2);
  });

  test("not what is quiet, sent elsewhere, or of another site unless that is wanted", () => {
    const { change } = texts();
    expect([{ quiet: true as const }, { code: "emergency" }, { code: "silenced" }, { site: "south" }].flatMap(change)).toEqual([]);
    expect(texts({ fromSites: true }).change({ site: "south" })).toHaveLength(2);
  });

  test("not again what the run before sent to the same node within ten minutes", () => {
    const [first = ""] = texts().change();
    const at = Date.UTC(2026, 0, 15);
    const sent = (fields: Partial<MessageStatus>) =>
      texts({ list: [status({ sender: { kind: "gateway" }, to: 7, text: first.slice(2), queuedAt: at - 599_999, ...fields })] }).change();
    expect(sent({})).toEqual([expect.stringMatching(/^8 /)]);
    expect(sent({ to: 9 })).toHaveLength(2);
    expect(sent({ queuedAt: at - 600_000 })).toHaveLength(2);
    expect(sent({ sender: { kind: "operator" } })).toHaveLength(2);
    expect(sent({ text: "another" })).toHaveLength(2);
  });

  test("what the outbox refuses is logged", () => {
    const { change, warned } = texts({ refuses: true });
    expect(change()).toEqual([]);
    expect([...new Set(warned)]).toEqual(["an alert could not be sent: it is full"]);
  });
});

describe("the log of texts", () => {
  function logged(showsDirect = false) {
    const { bus } = world();
    const lines: string[] = [];
    const at = (level: string) => (message: string, fields?: { hint?: string }) =>
      void lines.push(`${level} ${message}${fields?.hint === undefined ? "" : ` (${fields.hint})`}`);
    const log = { ...silentLogger, info: at("info"), warn: at("warn"), debug: at("debug") };
    const nodes = { nameOf: (number: number) => (number === 2 ? "Bob" : "!0000000f") };
    logTraffic(bus, nodes as never, log as never, () => showsDirect);
    return { bus, lines };
  }

  test("received: from whom and where; what is private by its length alone", () => {
    const { bus, lines } = logged();
    bus.emit("message_received", received("héllo"));
    bus.emit("message_received", received("hi all", { to: BROADCAST, isDirect: false, channel: 3, from: 15 }));
    bus.emit("message_received", { ...received("x"), kind: "position" } as never);
    expect(lines).toEqual(["info <- Bob (!00000002) directly: (5 characters)", "info <- !0000000f on channel 3: hi all"]);
    const open = logged(true);
    open.bus.emit("message_received", received("héllo"));
    expect(open.lines).toEqual(["info <- Bob (!00000002) directly: héllo"]);
  });

  test("sent: once, then how far it came; failed: why", () => {
    const { bus, lines } = logged();
    const text = { id: "m_1", to: BROADCAST, channel: 1, text: "hi" };
    for (const state of ["queued", "sent", "sent", "relayed"] as const) bus.emit("message_status", status({ ...text, state }));
    bus.emit("message_status", status({ id: "m_2", to: 2, state: "delivered" }));
    bus.emit("message_status", status({ id: "m_3", to: 2, state: "failed", reason: "no_ack" }));
    bus.emit("message_status", status({ id: "m_4", to: 2, state: "failed", reason: "no_key" }));
    bus.emit("message_status", status({ id: "m_5", ...{ to: BROADCAST }, state: "failed" }));
    expect(lines).toEqual([
      "info -> channel 1: hi",
      "debug -> channel 1 relayed",
      "info -> Bob (!00000002): (10 characters)",
      "warn -> Bob (!00000002) FAILED (no_ack): (10 characters)",
      "warn -> Bob (!00000002) FAILED (no_key): (10 characters) (the radio has no public key of that node: it comes with the node's NodeInfo, once both have heard each other)",
      "warn -> channel 0 FAILED (no reason given): Hello two!",
    ]);
  });
});

describe("lines about the gateway", () => {
  test("what a restore takes from what is there now", () => {
    const token = (name: string) => ({ name, digest: name }) as never;
    const usual = "grants, decisions, settings of plugins, and what is known of nodes since then";
    const last = "sign-ins since then, this one too";
    expect(lossesOf({ received: 0, sent: 0, newPlugins: [], tokensNow: [token("a")], tokensThen: [token("a")] })).toEqual([usual, last]);
    expect(
      lossesOf({ received: 1, sent: 2, newPlugins: ["p", "q"], tokensNow: [token("a"), token("b")], tokensThen: [token("a"), token("c")] }),
    ).toEqual([
      "1 text received and 2 texts sent since then",
      usual,
      "plugins with data that came since then: p, q",
      "tokens made or renewed since then end: b",
      "tokens revoked or renewed since then are VALID AGAIN: c",
      last,
    ]);
    expect(lossesOf({ received: 0, sent: 1, newPlugins: [], tokensNow: [], tokensThen: [] })[0]).toBe(
      "0 texts received and 1 text sent since then",
    );
  });

  test("the plugins among paths", () => {
    const paths = ["plugins/b/data.db", "isolated/a/data.db", "installed/b/x.ts", "plugins/c", "other/d/e", "x/plugins/f/g"];
    expect(pluginsAmong(paths)).toEqual(["a", "b"]);
  });

  test("one line for the service manager", () => {
    expect(describeNow([], [], 0)).toBe("0 plugins running");
    const plugins = ["running", "running", "failed", "backing_off", "disabled"].map((state) => ({ state }));
    expect(
      describeNow(
        plugins,
        [
          { name: "usb", state: "up" },
          { name: "roof", state: "waiting" },
        ],
        3,
      ),
    ).toBe("2 plugins running, 2 failed; link usb up; link roof waiting; 3 messages waiting");
  });

  test("the lines at the start", () => {
    const plugin = (name: string, state: string) => ({ name, state, status: { reason: `why ${name}` } });
    const gateway = (...plugins: object[]) => ({ plugins, url: "http://127.0.0.1:8080" }) as never;
    const start = { dataDir: "/data", configFile: null, isSimulated: false, flags: "" };
    const head = [`ZephyrGate ${VERSION} is up`, "  configuration  none, built-in defaults", "  data           /data"];
    const api = "  API            http://127.0.0.1:8080/  (token in /data/api-token)";
    expect(describeStart(gateway(), start)).toEqual([...head, api, "  plugins        none running"]);
    const all = gateway(
      plugin("a", "running"),
      plugin("b", "running"),
      plugin("c", "failed"),
      plugin("d", "disabled"),
      plugin("e", "awaiting_approval"),
    );
    expect(describeStart(all, { ...start, configFile: "/c.yaml", isSimulated: true, flags: " --port 9" }).slice(1)).toEqual([
      "  configuration  /c.yaml",
      "  data           /data",
      api,
      "  plugins        a, b",
      "  not running    c (failed), d (disabled)",
      "  needs approval e: why e",
      "  try it         npx bun run zephyrgate simulate say --from '!00000002' --port 9 help   (in a second terminal)",
    ]);
    expect(describeStart(gateway(plugin("hello_world", "running")), { ...start, isSimulated: true }).at(-1)).toEndWith(
      " hello   (in a second terminal)",
    );
  });

  test("what a site tells the others: cut to what they need", () => {
    const base = fakeControl().control.status();
    const long = "x".repeat(121);
    const full: GatewayStatus = {
      ...base,
      uptime_s: 5,
      degraded: Array.from({ length: 9 }, () => long),
      links: [...Array.from({ length: 8 }, () => ({ ...LINK, state: "waiting" as const, reason: "y".repeat(120) })), LINK],
      alerts: Array.from({ length: 9 }, () => ({ time: "t", code: "c", message: long, plugin: "p" })),
    };
    const report = siteReport(full, 12) as { readonly [key: string]: never };
    expect(report).toMatchObject({
      uptime_s: 5,
      nodes: 12,
      silenced: false,
      queue: { queued: 0, oldest_s: 0, failed: 0 },
      plugins: base.plugins,
    });
    expect(report.degraded).toEqual(Array.from({ length: 8 }, () => `${"x".repeat(119)}…`) as never);
    expect(report.links).toEqual(
      Array.from({ length: 8 }, () => ({ name: "sim", type: "simulated", state: "waiting", reason: "y".repeat(120) })) as never,
    );
    expect(report.alerts).toEqual(Array.from({ length: 8 }, () => ({ time: "t", code: "c", message: `${"x".repeat(119)}…` })) as never);
    const up = siteReport({ ...base, links: [{ ...LINK, reason: "was away" }] }, 0) as { readonly [key: string]: never };
    expect(up.links).toEqual([{ name: "sim", type: "simulated", state: "up" }] as never);
    expect([Number(up.load) >= 0, Number(up.memory_mb) > 10, Number(up.memory_mb) < 100_000]).toEqual([true, true, true]);
  });
});
