/** The client of a broker, against a real one: what is carried, refused, bounded and survived. */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BrokerClient, type BrokerClientOptions } from "../../src/broker/client.ts";
import { BrokerConnection, MAX_PACKET_BYTES } from "../../src/broker/connection.ts";
import type { BrokerSettings } from "../../src/broker/login.ts";
import { systemClock, systemRandom } from "../../src/clock.ts";
import type { Result } from "../../src/errors.ts";
import { silentLogger } from "../../src/log/logger.ts";
import { HAS_MOSQUITTO, Mosquitto } from "../mesh/mqtt/mosquitto.ts";
import { until } from "../mesh/transport-contract.ts";

const folder = mkdtempSync(join(tmpdir(), "broker-"));
const open: (() => unknown)[] = [];
afterAll(async () => {
  for (const close of open.reverse()) await close();
  rmSync(folder, { recursive: true, force: true });
});

async function mosquitto(options: Parameters<typeof Mosquitto.start>[0] = {}): Promise<Mosquitto> {
  const started = await Mosquitto.start(options);
  open.push(() => started.close());
  return started;
}

interface Used {
  readonly client: BrokerClient;
  readonly heard: string[];
  readonly lines: string[];
}

async function client(url: string, more: Partial<BrokerClientOptions> = {}): Promise<Used> {
  const heard: string[] = [];
  const lines: string[] = [];
  const note = (message: string) => lines.push(message);
  const log = { ...silentLogger, info: note, warn: note };
  const made = new BrokerClient(
    {
      settings: { url },
      filters: ["t/#"],
      message: ({ topic, payload, retained }) => heard.push(`${topic}=${Buffer.from(payload)}${retained ? " (kept)" : ""}`),
      connected: () => undefined,
      ...more,
    },
    { clock: systemClock, random: systemRandom, log },
  );
  made.start();
  open.push(() => made.stop());
  await until("connected", () => made.isConnected);
  return { client: made, heard, lines };
}

const bytes = (text: string) => new TextEncoder().encode(text);

async function refusal(settings: BrokerSettings): Promise<string> {
  const opened = await BrokerConnection.open(settings, { clock: systemClock });
  if (!opened.ok) return `${opened.error.code}: ${opened.error.summary()}`;
  await opened.value.close();
  return "opened";
}

/** Answers the first packet of each connection. */
function fake(answer: (packet: Uint8Array) => Uint8Array | null): string {
  const listener = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data(socket, packet) {
        const bytes = answer(packet);
        if (bytes !== null) socket.write(bytes);
      },
    },
  });
  open.push(() => listener.stop(true));
  return `mqtt://127.0.0.1:${listener.port}`;
}

/** The level of the protocol in a CONNECT packet; null for any other packet. */
const levelOf = (packet: Uint8Array) => (packet[0] === 0x10 ? packet[packet.indexOf(0x54, 4) + 2] : null);

/** Signed by itself, for a name and from a day to a day. */
function certificate(name: string, subject: string, days: readonly [string, string] = ["20200101", "20991231"]) {
  const [cert, key] = [join(folder, `${name}.pem`), join(folder, `${name}.key`)];
  const settings = join(folder, `${name}.cnf`);
  const lines = ["[ca]", "default_ca=x", "[x]", `database=${settings}.index`, `new_certs_dir=${folder}`, "default_md=sha256", "policy=p"];
  writeFileSync(settings, [...lines, "rand_serial=yes", "[p]", "commonName=supplied", "[e]", `subjectAltName=${subject}`, ""].join("\n"));
  writeFileSync(`${settings}.index`, "");
  const run = (command: string) => expect(Bun.spawnSync(["openssl", ...command.split(" ")]).exitCode).toBe(0);
  run(`req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout ${key} -out ${cert}.csr -subj /CN=broker`);
  const dates = `-startdate ${days[0]}000000Z -enddate ${days[1]}000000Z`;
  run(`ca -batch -notext -selfsign -config ${settings} -extensions e -keyfile ${key} -in ${cert}.csr -out ${cert} ${dates}`);
  return { cert, key };
}

describe.skipIf(!HAS_MOSQUITTO)("over a real broker", () => {
  test("what is published is read; what was kept is marked; the last will tells who went without a farewell", async () => {
    const { url } = await mosquitto();
    const a = await client(url, { will: () => ({ topic: "t/a", payload: bytes("gone"), retain: true }) });
    a.client.publish("t/a", bytes("here"), { retain: true });
    await until("its own", () => a.heard.includes("t/a=here"));
    const b = await client(url);
    await until("what is kept", () => b.heard.includes("t/a=here (kept)"));
    await a.client.stop();
    a.client.publish("t/a", bytes("late"));
    const c = await client(url, { will: () => ({ topic: "t/c", payload: bytes("gone"), retain: true }) });
    const broken = await BrokerConnection.open(
      { url },
      { clock: systemClock, will: { topic: "t/d", payload: bytes("gone"), retain: false } },
    );
    if (broken.ok) broken.value.end();
    await until("the will", () => b.heard.includes("t/d=gone"));
    // A farewell publishes no will.
    await c.client.stop();
    expect(b.heard.filter((line) => line.includes("gone"))).toEqual(["t/d=gone"]);
    expect(b.heard.join()).not.toContain("late");
  });

  test("a broker that goes and comes back: said once, connected again with what it was told anew", async () => {
    const server = await mosquitto();
    let connections = 0;
    const used = await client(server.url, {
      connected: () => {
        connections += 1;
      },
    });
    await server.stop();
    await until("it waits", () => used.client.state.kind === "waiting");
    const refused = used.client.publish("t/x", bytes("1"));
    expect(refused.ok ? "" : refused.error.code).toBe("unavailable");
    await until("the reason of the next attempt", () => used.client.state.reason?.includes("nothing listens") === true);
    await server.start();
    await until("connected again", () => used.client.isConnected && connections === 2);
    used.client.publish("t/x", bytes("2"));
    await until("carried again", () => used.heard.includes("t/x=2"));
    expect(used.client.reconnects).toBe(1);
    expect(used.lines.filter((line) => line.includes("nothing listens"))).toHaveLength(1);
  });

  test("messages that the broker does not take: not allowed, too large, too many at once", async () => {
    const acl = join(folder, "acl");
    writeFileSync(acl, "topic readwrite t/#\ntopic read s/#\n", { mode: 0o600 });
    const { url } = await mosquitto({ lines: [`acl_file ${acl}`, "message_size_limit 1000"] });
    const { client: used } = await client(url);
    const outcome = (topic: string, size: number) =>
      new Promise<string>((resolve) => {
        const done = (result: Result<null>) => resolve(result.ok ? "taken" : `${result.error.code}: ${result.error.summary()}`);
        const published = used.publish(topic, new Uint8Array(size), { done });
        if (!published.ok) done(published);
      });
    expect(await outcome("t/x", 10)).toBe("taken");
    expect(await outcome("s/x", 10)).toBe(
      "permission_denied: the broker does not let this user write s/x (allow it in the broker's access list)",
    );
    // The broker leaves for it; the same client is back after a pause.
    expect(await outcome("t/x", 2000)).toMatch(/^link_down: .*refused a message, by its size.*message_size_limit/);
    await until("connected again", () => used.isConnected);
    const many = await Promise.all(Array.from({ length: 100 }, () => outcome("t/x", 100)));
    expect(many.filter((line) => line === "taken")).toHaveLength(64);
    expect(many.filter((line) => line.startsWith("rate_limited: "))).toHaveLength(36);
    expect(await outcome("t/x", 10)).toBe("taken");
  });

  test("a broker that is slow: what it has not acknowledged is bounded, nothing that was taken is lost, and it recovers", async () => {
    const server = await mosquitto();
    const relay = await slowRelay(server.port, 20_000);
    const { client: slow } = await client(`mqtt://127.0.0.1:${relay.port}`, { filters: ["none/#"] });
    const heard = await client(server.url);
    relay.isSlow = true;
    let [taken, refused] = [0, 0];
    for (let number = 0; number < 200; number++) {
      if (slow.publish("t/x", new Uint8Array(1_000).fill(number)).ok) taken += 1;
      else refused += 1;
    }
    expect([taken, refused]).toEqual([64, 136]);
    await until("what was taken arrives", () => heard.heard.length === 64);
    expect(slow.isConnected).toBe(true);
    await until("it takes more", () => slow.publish("t/x", bytes("more")).ok);
  });

  test("certificates: of an unknown authority, expired, for another name; and TLS where there is none", async () => {
    const good = certificate("good", "IP:127.0.0.1");
    const old = certificate("old", "IP:127.0.0.1", ["20200101", "20200102"]);
    const wrong = certificate("wrong", "DNS:elsewhere.invalid");
    const tried = async (tls: typeof good, ca_file?: string) => refusal({ url: (await mosquitto({ tls })).url, ca_file });
    expect(await tried(good, good.cert)).toBe("opened");
    expect(await tried(good)).toMatch(/^link_down: .*certificate is not accepted.*ca_file/);
    expect(await tried(old, old.cert)).toMatch(/^link_down: .*certificate has expired.*clock/);
    expect(await tried(wrong, wrong.cert)).toMatch(/^link_down: .*certificate.*name/);
    const plain = await mosquitto();
    expect(await refusal({ url: plain.url.replace("mqtt:", "mqtts:") })).toMatch(/^link_down: .*(?:TLS|mqtt:\/\/)/);
  });
});

test("what is no broker, says nothing, or is nowhere is one line with the fix", async () => {
  const web = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("no broker") });
  open.push(() => web.stop(true));
  const lines = [
    await refusal({ url: `mqtt://127.0.0.1:${web.port}` }),
    await refusal({ url: fake(() => new TextEncoder().encode("SSH-2.0-OpenSSH_9.6\r\n")) }),
    await refusal({ url: "mqtt://127.0.0.1:1" }),
    await refusal({ url: "mqtt://no-such-host.invalid:1883" }),
    await refusal({ url: "mqtt://127.0.0.1:1", password_file: join(folder, "nowhere") }),
  ];
  for (const line of lines) expect(line).toMatch(/^(?:link_down|config_invalid): [^\n]+ \([^\n]+\)$/);
  expect(lines[2]).toContain("nothing listens at this address");
  expect(lines[4]).toContain("cannot be read (ENOENT)");
});

test("a broker that knows only the older version of the protocol is spoken to in it", async () => {
  const levels: unknown[] = [];
  const url = fake((packet) => {
    const level = levelOf(packet);
    if (level === null) return null;
    levels.push(level);
    return Uint8Array.from(level === 5 ? [0x20, 2, 0, 1] : [0x20, 2, 0, 0]);
  });
  expect(await refusal({ url })).toBe("opened");
  expect(levels).toEqual([5, 4]);
});

test("a broker that is full, busy, or has banned the client says so in one line", async () => {
  const answer = (code: number) => refusal({ url: fake((packet) => (levelOf(packet) === 5 ? Uint8Array.of(0x20, 3, 0, code, 0) : null)) });
  expect(await answer(0x97)).toMatch(/^link_down: .*quota is used up \(raise its limits/);
  expect(await answer(0x89)).toMatch(/^link_down: .*busy/);
  expect(await answer(0x8a)).toMatch(/^permission_denied: .*banned/);
  expect(await answer(0x86)).toMatch(/^permission_denied: .*password_file/);
});

test("a packet without end is not collected", async () => {
  const welcome = [0x20, 3, 0, 0, 0];
  // A message of 200 MB, of which a part is sent.
  const endless = new Uint8Array(MAX_PACKET_BYTES * 3);
  endless.set([0x30, 0x80, 0xc2, 0xd7, 0x5f, 0, 1, 0x74]);
  const listener = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data(socket, packet) {
        if (levelOf(packet) === 5) socket.write(Uint8Array.from(welcome));
        else sendAll(socket, endless);
      },
      drain() {},
    },
  });
  open.push(() => listener.stop(true));
  const opened = await BrokerConnection.open({ url: `mqtt://127.0.0.1:${listener.port}` }, { clock: systemClock });
  if (!opened.ok) throw opened.error;
  let reason = "";
  opened.value.listen({ message: () => undefined, closed: (error) => (reason = error.message) });
  opened.value.publish("t", bytes("go"));
  await until("it is left", () => reason !== "");
  expect(reason).not.toBe("");
});

/** Passes bytes on to the broker, at `rate` bytes a second once it is slow. */
async function slowRelay(port: number, rate: number) {
  const relay = { port: 0, isSlow: false };
  const server = createServer((near) => {
    const far = connect(port, "127.0.0.1");
    const waiting: Buffer[] = [];
    far.pipe(near);
    near.on("data", (chunk: Buffer) => (relay.isSlow ? waiting.push(chunk) : far.write(chunk)));
    const timer = setInterval(() => {
      const all = Buffer.concat(waiting.splice(0));
      const now = all.subarray(0, rate / 20);
      if (now.length > 0) far.write(now);
      if (all.length > now.length) waiting.push(all.subarray(now.length));
    }, 50);
    const close = () => {
      clearInterval(timer);
      far.destroy();
      near.destroy();
    };
    for (const socket of [near, far]) socket.on("close", close).on("error", close);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  open.push(() => server.close());
  const address = server.address();
  relay.port = typeof address === "object" && address !== null ? address.port : 0;
  return relay;
}

function sendAll(socket: { write(bytes: Uint8Array): number }, rest: Uint8Array): void {
  const sent = socket.write(rest);
  if (sent >= 0 && sent < rest.length) setTimeout(() => sendAll(socket, rest.subarray(sent)), 5);
}
