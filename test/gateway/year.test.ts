/**
 * A year on a mountain in a minute: the service is installed and configured, the power fails three times, the disk fills and is
 * freed, the database is damaged and restored, the program is upgraded, the radio is lost, and somebody calls for help. Each is
 * seen where the operator looks: status, metrics, alerts, the console behind nginx, and a text to his node.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock, systemRandom } from "../../src/clock.ts";
import { parseNodeId } from "../../src/mesh/ids.ts";
import { SimulatedMesh } from "../../src/mesh/simulator/mesh.ts";
import { serveStream } from "../../src/mesh/stream-server/serve.ts";
import { NAME, PROXIES, startProxy } from "../api/proxies.ts";
import { type Browser, CHROMIUM, openBrowser } from "../console/browser.ts";
import { listenAsServiceManager, type StandIn } from "../systemd/stand-in.ts";
import { freePort, Gateway, PATIENCE_MS, runProgram } from "./harness.ts";
import { SmallDisk } from "./small-disk.ts";

const OPERATOR = "!00000003";
const NGINX = PROXIES.find(({ name }) => name === "nginx");
const TIMEOUT_MS = 5 * PATIENCE_MS;

/** The console, open in a browser all the year, where there is one. */
let browser: Browser | null = null;
const apiPort = freePort();
let root = "";
let dir = "";
let config = "";
let disk: SmallDisk | null = null;
let manager: StandIn;
let gateway: Gateway | null = null;
let proxy: ReturnType<typeof startProxy> | null = null;
let server: ReturnType<typeof serveStream> | null = null;
const radioPort = freePort();
const mesh = new SimulatedMesh({ nodes: 3, clock: systemClock, random: systemRandom });
/** Texts that reached the operator's node. */
const texts: string[] = [];

beforeAll(async () => {
  if (CHROMIUM !== undefined) browser = await openBrowser(CHROMIUM);
  root = mkdtempSync(join(tmpdir(), "year-"));
  dir = join(root, "etc/zephyrgate");
  config = join(dir, "config.yaml");
  manager = listenAsServiceManager();
  mesh.onHeard(({ to, text }) => {
    if (to === parseNodeId(OPERATOR)) texts.push(text);
  });
});
afterAll(async () => {
  await browser?.close();
  await gateway?.end("SIGKILL");
  await proxy?.stop();
  if (server?.ok) server.value.stop();
  mesh.stop();
  manager.stop();
  disk?.unmount();
  rmSync(root, { recursive: true, force: true });
});

function plugRadioIn(): void {
  server = serveStream(mesh, { port: radioPort });
  expect(server.ok).toBe(true);
}

async function start(): Promise<Gateway> {
  const before = manager.heard.length;
  const started = await Gateway.start({ dir, port: apiPort, env: { NOTIFY_SOCKET: manager.path, WATCHDOG_USEC: "120000000" } });
  gateway = started;
  await manager.until((message) => message.startsWith("READY=1") && manager.heard.lastIndexOf(message) >= before);
  return started;
}

/** Waits until the console shows it; it is signed in when it asks for that. */
async function onPage(wanted: RegExp): Promise<void> {
  if (browser === null) return;
  const isSignedIn = "document.getElementById('connection') !== null";
  if ((await browser.evaluate(isSignedIn)) !== true) {
    const url = `http://127.0.0.1:${apiPort}/mesh/`;
    await browser.navigate(url);
    await browser.until("document.readyState === 'complete'");
    await browser.evaluate(`location.hash = "token=${running().token}"; location.reload()`);
    await browser.until(isSignedIn);
  }
  await browser.until(`${wanted}.test(document.body.innerText)`);
}

function running(): Gateway {
  if (gateway === null) throw new TypeError("no gateway was started");
  return gateway;
}

const cli = (...argv: string[]) =>
  runProgram([...argv, "--config", config, ...(gateway === null ? [] : ["--port", String(gateway.port)])], { cwd: root });
const alertCodes = async () => (await running().api<{ items: { code: string }[] }>("GET", "/alerts")).body.items.map(({ code }) => code);
/** An event in all places where an operator looks: status, metrics, the page's API, and a text to his node. */
interface Sighting {
  readonly code: string;
  readonly status: RegExp;
  readonly metric: RegExp;
  readonly page: RegExp;
  readonly text: RegExp;
}

async function seen({ code, status, metric: line, page, text }: Sighting): Promise<void> {
  const at = running();
  await at.until(`${code} is in the status`, async () => status.test((await cli("status")).stdout));
  await at.until(`${code} is in the metrics`, () => metric(line));
  await at.until(`${code} is on the page`, async () => {
    const { body } = await at.api<{ items: { code: string; message: string }[] }>("GET", "/alerts");
    return body.items.some((alert) => alert.code === code && page.test(alert.message));
  });
  await onPage(page);
  await at.until(`${code} is told by text`, () => texts.some((each) => text.test(each)));
}

const raised = (code: string) => new RegExp(`^zephyrgate_alerts\\{code="${code}"\\} 1$`, "m");

async function acknowledge(code: string): Promise<void> {
  const { body } = await running().api<{ items: { id: string; code: string }[] }>("GET", "/alerts");
  for (const alert of body.items) if (alert.code === code) expect((await cli("alerts", "ack", alert.id)).code).toBe(0);
  expect((await cli("status")).stdout).not.toContain(code);
  expect(await metric(new RegExp(`^zephyrgate_alerts\\{code="${code}"\\} 0$`, "m"))).toBe(true);
}

async function metric(line: RegExp): Promise<boolean> {
  const answer = await running().tryFetch("/metrics", { headers: { authorization: `Bearer ${running().token}` } });
  return line.test((await answer?.text()) ?? "");
}

test(
  "spring: the service is installed, configured and started, with nginx in front",
  async () => {
    const installed = await runProgram(["service", "install", "--root", root, "--program", "/usr/bin/true"], { cwd: root });
    expect(installed).toMatchObject({ code: 0, stdout: expect.stringContaining(config) });
    const unit = readFileSync(join(root, "etc/systemd/system/zephyrgate.service"), "utf8");
    expect(unit).toContain("ExecStart=/usr/bin/true gateway --config /etc/zephyrgate/config.yaml\n");
    expect(unit).toMatch(/^Type=notify\n(?:.*\n)*RestartPreventExitStatus=78$/m);

    writeFileSync(config, "operators: [!00000003]\n");
    const wrong = await cli("config", "check");
    expect([wrong.code, wrong.stderr]).toEqual([78, expect.stringContaining('write "!00000003"')]);
    if (SmallDisk.available) disk = SmallDisk.mount(join(dir, "data"), 32);
    else mkdirSync(join(dir, "data"));
    writeFileSync(
      config,
      `data_dir: ./data
operators: ["${OPERATOR}"]
mesh:
  interfaces: [{ name: base, type: tcp, host: 127.0.0.1, port: ${radioPort} }]
  text_spacing_s: 0.1
api: { allowed_hosts: [${NAME}], trusted_proxies: [127.0.0.1], base_path: /mesh }
alerts: { link_down_s: 1 }
`,
    );
    expect(await cli("config", "check")).toMatchObject({ code: 0, stdout: expect.stringContaining("no problems") });
    plugRadioIn();
    const first = await start();
    await first.until("the radio is up", async () => (await cli("status")).code === 0);
    if (NGINX?.program !== undefined) {
      proxy = startProxy(NGINX, first.port);
      await proxy.up;
      const page = await fetch(`${proxy.url}/mesh/`, { headers: { host: NAME } });
      expect([page.status, await page.text()]).toEqual([200, expect.stringContaining("page/console.js")]);
      await proxy.stop();
      proxy = null;
    }
  },
  TIMEOUT_MS,
);

test(
  "summer: three power cuts in a row are no crash",
  async () => {
    await onPage(/All links up/);
    for (let cut = 0; cut < 3; cut++) {
      await running().end("SIGKILL");
      if (cut === 0) await onPage(/No answer/);
      // What a power cut is: the next start belongs to another boot of the machine.
      const starts = join(dir, "data/starts.json");
      writeFileSync(starts, readFileSync(starts, "utf8").replace(/"boot":"[^"]*"/g, '"boot":"an earlier one"'));
      await start();
    }
    // It came back by itself, and with its session.
    await onPage(/All links up/);
    const { body } = await running().api<{ safe_mode: boolean }>("GET", "/status");
    expect(body.safe_mode).toBe(false);
    expect(await alertCodes()).not.toContain("safe_mode");
    expect(await metric(/^zephyrgate_safe_mode 0$/m)).toBe(true);
    expect([(await cli("status")).stdout.includes("safe mode"), texts.filter((text) => /crash|safe mode/.test(text))]).toEqual([false, []]);
  },
  TIMEOUT_MS,
);

test.skipIf(!SmallDisk.available)(
  "autumn: the disk fills and is freed, and is seen in all places while it is full, and in none after it",
  async () => {
    const at = running();
    await at.until("the radio is up", async () => (await cli("status")).code === 0);
    await at.until("the full disk is an alert", async () => {
      if ((disk?.freeBytes ?? 0) > 0) disk?.fill();
      return (await alertCodes()).includes("disk_full");
    });
    expect(await cli("status")).toMatchObject({ code: 1, stdout: expect.stringMatching(/^DEGRADED: .*the disk is full$/m) });
    expect((await cli("alerts")).stdout).toContain("disk_full");
    expect(await metric(/^zephyrgate_disk_writable 0$/m)).toBe(true);
    expect(await metric(raised("disk_full"))).toBe(true);
    await onPage(/disk full/);
    const ready = await at.tryFetch("/health/ready");
    expect([ready?.status, await ready?.json()]).toMatchObject([200, { degraded: ["the disk is full"] }]);
    disk?.free();
    await at.until("it is over", async () => !(await alertCodes()).includes("disk_full"));
    await at.until("the status is good", async () => (await cli("status")).code === 0);
    await at.until("the operator was told", () => texts.some((text) => /^ALERT .*disk/.test(text)));
  },
  TIMEOUT_MS,
);

test(
  "winter: a damaged database is restored from the backup that the start names, and an upgrade is backed up first",
  async () => {
    const made = await cli("backup");
    expect(made.code).toBe(0);
    await running().end("SIGTERM");
    expect(manager.heard.at(-1)).toStartWith("STOPPING=1");
    writeFileSync(join(dir, "data/gateway.db"), "rubbish".repeat(2000));
    const refused = await cli("gateway");
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining("the database is damaged")]);
    const command = /restore its database with: zephyrgate restore "([^"]+)" --only-database/.exec(refused.stderr)?.[1] ?? "";
    expect(`${command}\n`).toBe(made.stdout);
    expect(await cli("restore", command, "--only-database", "--yes")).toMatchObject({ code: 0 });

    writeFileSync(join(dir, "data/version"), "0.0.1\n");
    await start();
    expect(readdirSync(join(dir, "data/backups"))).toContainEqual(expect.stringMatching(/-upgrade\.zgb$/));
    expect((await cli("backup", "--list")).stdout).toMatch(/ upgrade /);
    const restored = /a backup was restored; what was there before is in \S+before-restore-/;
    const told = { status: restored, page: restored, text: /^ALERT a backup was restored/ };
    await seen({ code: "restored", metric: raised("restored"), ...told });
    const upgraded = /version \S+ runs now, 0\.0\.1 before; backed up as \S+-upgrade\.zgb/;
    await seen({ code: "upgraded", metric: raised("upgraded"), status: upgraded, page: upgraded, text: /^ALERT version \S+ runs now/ });
    for (const code of ["restored", "upgraded"]) await acknowledge(code);
    // Acknowledged once, they are so after the next start, too.
    await running().end("SIGTERM");
    await start();
    expect((await cli("status")).stdout).not.toMatch(/was restored|runs now/);
  },
  TIMEOUT_MS,
);

test(
  "the radio is lost and comes back: status, ready, metric, alert, and texts when it is there again",
  async () => {
    const at = running();
    await at.until("the radio is up", async () => (await cli("status")).code === 0);
    if (server?.ok) server.value.stop();
    await at.until("the loss is an alert", async () => (await alertCodes()).includes("link_down"));
    await onPage(/link down/);
    expect(await cli("status")).toMatchObject({ code: 1, stdout: expect.stringMatching(/^DEGRADED: link base is /m) });
    expect((await at.tryFetch("/health/ready"))?.status).toBe(200);
    expect(await metric(raised("link_down"))).toBe(true);
    plugRadioIn();
    await at.until("it is over", async () => !(await alertCodes()).includes("link_down"));
    await at.until("the operator is told what he missed", () => texts.some((text) => /^ALERT .*link base/.test(text)));
    await at.until("the status is good", async () => (await cli("status")).code === 0);
  },
  TIMEOUT_MS,
);

test(
  "somebody calls for help: the operator's node, the alerts and the metrics have it until it is acknowledged",
  async () => {
    const at = running();
    const from = parseNodeId("!00000002");
    if (from === null) throw new TypeError("this is an id");
    expect(mesh.say({ from, text: "SOS broken leg at the hut" }).ok).toBe(true);
    await at.until("it is an alert", async () => (await alertCodes()).includes("emergency"));
    await at.until("the operator has the text", () => texts.some((text) => /^ALERT SOS .*broken leg/.test(text)));
    const sos = /SOS .*broken leg/;
    await seen({ code: "emergency", metric: raised("emergency"), status: sos, page: sos, text: /^ALERT SOS .*broken leg/ });
    const listed = JSON.parse((await cli("alerts", "--json")).stdout) as { id: string; code: string }[];
    const id = listed.find(({ code }) => code === "emergency")?.id ?? "";
    expect((await cli("alerts", "ack", id)).code).toBe(0);
    expect((await cli("status")).stdout).not.toContain("broken leg");
    at.process.kill("SIGTERM");
    expect(await at.process.exited).toBe(0);
    gateway = null;
    await onPage(/No answer/);
    expect(await cli("status")).toMatchObject({ code: 3, stdout: "" });
  },
  TIMEOUT_MS,
);
