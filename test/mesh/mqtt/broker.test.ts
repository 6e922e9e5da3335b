/** Gateways' links over a real broker: what is sent, acknowledged, refused and survived. */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock, systemRandom } from "../../../src/clock.ts";
import { silentLogger } from "../../../src/log/logger.ts";
import { createLink } from "../../../src/mesh/link/create-link.ts";
import type { MeshLink } from "../../../src/mesh/link/link.ts";
import type { MeshMessage } from "../../../src/mesh/message.ts";
import type { RoutingReport } from "../../../src/mesh/radio.ts";
import { type MqttInterface, MqttTransport } from "../../../src/mesh/transport/mqtt.ts";
import { until } from "../transport-contract.ts";
import { HAS_MOSQUITTO, Mosquitto } from "./mosquitto.ts";

const folder = mkdtempSync(join(tmpdir(), "mqtt-broker-"));
const open: (() => Promise<unknown>)[] = [];
afterAll(async () => {
  for (const close of open.reverse()) await close();
  rmSync(folder, { recursive: true, force: true });
});

async function broker(options: Parameters<typeof Mosquitto.start>[0] = {}): Promise<Mosquitto> {
  const started = await Mosquitto.start(options);
  open.push(() => started.close());
  return started;
}

const settings = (url: string, node: string, more: Partial<MqttInterface> = {}): MqttInterface => ({
  url,
  root: "msh/TEST",
  node,
  long_name: `Gate ${node}`,
  short_name: "G",
  channels: [{ name: "LongFast", key: "AQ==" }],
  ...more,
});

interface Heard {
  readonly link: MeshLink;
  readonly texts: string[];
  readonly reports: Pick<RoutingReport, "packetId" | "from" | "errorReason">[];
}

async function link(url: string, node: string, more: Partial<MqttInterface> = {}): Promise<Heard> {
  const made = createLink(
    { name: "cloud", type: "mqtt", ...settings(url, node, more) },
    { clock: systemClock, random: systemRandom, log: silentLogger, correlationId: () => "c" },
  );
  const heard: Heard = { link: made, texts: [], reports: [] };
  made.onMessage((message: MeshMessage) => {
    if (message.kind === "text") heard.texts.push(`${message.isDirect ? "direct" : message.channel}: ${message.text}`);
  });
  made.onRouting((report) => heard.reports.push(report));
  made.start();
  open.push(() => made.stop());
  await until(`${node} is up`, () => made.status().state === "up");
  return heard;
}

async function refusal(options: MqttInterface): Promise<string> {
  const transport = new MqttTransport(options, { clock: systemClock, random: systemRandom });
  const opened = await transport.open({ data() {}, closed() {} });
  if (!opened.ok) return `${opened.error.code}: ${opened.error.summary()}`;
  await opened.value.close();
  return "opened";
}

const text = (to: number, id: number, words: string) => ({
  text: words,
  to,
  channel: 0,
  packetId: id,
  wantAck: true,
  hopLimit: 3,
  priority: "normal" as const,
});

describe.skipIf(!HAS_MOSQUITTO)("over a real broker", () => {
  test("two gateways hear each other; broadcasts are confirmed by their echo, direct messages by their receiver", async () => {
    const { url } = await broker();
    const [a, b] = [await link(url, "!0000aa01"), await link(url, "!0000aa02")];
    const stranger = await link(url, "!0000aa03", { channels: [{ name: "LongFast", key: "Ag==" }] });
    await a.link.sendText(text(0xffffffff, 11, "to all"));
    await until("b hears it", () => b.texts.includes("0: to all"));
    await until("its echo", () =>
      a.reports.some(({ packetId, errorReason, from }) => packetId === 11 && errorReason === 0 && from === 0xaa01),
    );
    await a.link.sendText(text(0x0000aa02, 12, "to b"));
    await until("b hears it", () => b.texts.includes("direct: to b"));
    await until("the acknowledgement", () =>
      a.reports.some(({ packetId, from, errorReason }) => packetId === 12 && from === 0xaa02 && errorReason === 0),
    );
    expect(stranger.texts).toEqual([]);
    expect(a.texts).toEqual([]);
  });

  test("a broker that goes and comes back: the link says so, connects again by itself, and carries again", async () => {
    const server = await broker();
    const [a, b] = [await link(server.url, "!0000aa11"), await link(server.url, "!0000aa12")];
    await server.stop();
    await until("a is down", () => a.link.status().state !== "up");
    expect(a.link.status().reason).toContain("closed");
    await server.start();
    await until("both are up", () => [a, b].every((each) => each.link.status().state === "up"));
    await a.link.sendText(text(0xffffffff, 21, "again"));
    await until("b hears it", () => b.texts.includes("0: again"));
  });

  test("password and TLS: the right ones open, wrong ones are named with the setting to correct", async () => {
    const [cert, key] = [join(folder, "cert.pem"), join(folder, "key.pem")];
    const made = Bun.spawnSync(
      [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-keyout",
        key,
        "-out",
        cert,
      ].concat(["-days", "2", "-subj", "/CN=broker", "-addext", "subjectAltName=IP:127.0.0.1"]),
    );
    expect(made.exitCode).toBe(0);
    const { url } = await broker({ tls: { cert, key }, login: ["gate", "right"] });
    const passwords = { right: join(folder, "right"), wrong: join(folder, "wrong"), empty: join(folder, "empty") };
    writeFileSync(passwords.right, "right\n");
    writeFileSync(passwords.wrong, "wrong\n");
    writeFileSync(passwords.empty, "\n");
    const tried = (more: Partial<MqttInterface>) => refusal(settings(url, "!0000aa21", { username: "gate", ca_file: cert, ...more }));
    expect(await tried({ password_file: passwords.right })).toBe("opened");
    expect(await tried({ password_file: passwords.wrong })).toMatch(
      /^permission_denied: .*refused|does not let this user connect.*password_file/,
    );
    expect(await tried({ password_file: passwords.empty })).toContain("holds no password in its first line");
    expect(await tried({ password_file: join(folder, "nowhere") })).toContain("nowhere cannot be read (ENOENT)");
    const stranger = await refusal(settings(url, "!0000aa21", { username: "gate", password_file: passwords.right }));
    expect(stranger).toContain("certificate");
    expect(stranger).toContain("ca_file");
  });

  test("a port of another service, a silent one, no service and a bad key are one clear line each", async () => {
    const web = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("no broker") });
    open.push(() => web.stop(true));
    const lines = [
      await refusal(settings(`mqtt://127.0.0.1:${web.port}`, "!0000aa31")),
      await refusal(settings("mqtt://127.0.0.1:1", "!0000aa31")),
      await refusal(settings("mqtt://no-such-host.invalid:1883", "!0000aa31")),
      await refusal(settings("mqtt://127.0.0.1:1", "!0000aa31", { channels: [{ name: "A", key: "AAAA" }] })),
    ];
    for (const line of lines) expect(line).not.toContain("\n");
    expect(lines[0]).toMatch(/^link_down: /);
    expect(lines[1]).toContain("nothing listens at this address (check host and port");
    expect(lines[2]).toMatch(/no such host|cannot connect/);
    expect(lines[3]).toContain("channel A: the key has 3 bytes");
  });
});
