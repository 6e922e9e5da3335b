/** A backup restored through the API of a gateway that runs: it is verified, explained, put in place, and the gateway comes back. */
import { expect, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { answering, Gateway } from "./harness.ts";

interface Made {
  readonly name: string;
  readonly path: string;
}
interface Review {
  readonly lost: readonly string[];
  readonly configuration: { readonly state: string; readonly keys: readonly string[]; readonly reason: string | null };
  readonly has_secrets: boolean;
  readonly plugins: readonly string[];
}
interface Problem {
  readonly code: string;
  readonly detail: string;
}

const upload = (gateway: Gateway, bytes: Uint8Array<ArrayBuffer>, token = gateway.token) =>
  fetch(`http://127.0.0.1:${gateway.port}/api/v1/backups/upload`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/octet-stream" },
    body: bytes,
  });

const make = async (gateway: Gateway, body: object = {}) => (await gateway.api<Made>("POST", "/backups", body)).body;
const backUp = (gateway: Gateway) => gateway.lines(/ is up$/).length;

/** The head of a backup changed, all else as it was: the head has no hash of its own. */
function withHead(file: Buffer, change: (text: string) => string): Uint8Array<ArrayBuffer> {
  const tar = gunzipSync(file);
  const size = Number.parseInt(tar.subarray(124, 135).toString(), 8);
  const text = change(tar.subarray(512, 512 + size).toString()).padEnd(size, " ");
  expect(text).toHaveLength(size);
  tar.write(text, 512);
  return Uint8Array.from(gzipSync(tar));
}

test("a kept backup takes the place of what is there: said before, asked of an admin alone, kept aside, and the gateway is back by itself", async () => {
  const gateway = await Gateway.start({ plugins: { hut: answering("hut", "open") } });
  const file = join(gateway.dir, "config.yaml");
  try {
    const { body: old } = await gateway.api<{ token: string }>("POST", "/tokens", { name: "old-phone", role: "read" });
    const made = await make(gateway, { passphrase: "correct horse" });
    await gateway.api("DELETE", "/tokens/old-phone");
    const { body: operator } = await gateway.api<{ token: string }>("POST", "/tokens", { name: "desk", role: "operate" });
    await gateway.ask("hut", /^open$/);
    const before = readFileSync(file, "utf8");
    writeFileSync(file, `${before}language: de\n`);
    const { body: review } = await gateway.api<Review>("POST", `/backups/${made.name}/review`);
    expect(review).toMatchObject({ has_secrets: true, configuration: { state: "differs", keys: ["language"], reason: null } });
    expect(review.lost).toContain("1 text received and 1 text sent since then");
    expect(review.lost).toContain("tokens made or renewed since then end: desk");
    expect(review.lost).toContain("tokens revoked or renewed since then are VALID AGAIN: old-phone");
    for (const path of ["review", "restore"]) {
      const denied = await fetch(`http://127.0.0.1:${gateway.port}/api/v1/backups/${made.name}/${path}`, {
        method: "POST",
        headers: { authorization: `Bearer ${operator.token}` },
      });
      expect([path, denied.status]).toEqual([path, 403]);
    }
    const restore = (body: object, name = made.name) => gateway.api<Problem & { before: string }>("POST", `/backups/${name}/restore`, body);
    expect(await restore({ passphrase: "wrong horse" })).toMatchObject({ status: 401, body: { code: "unauthorized" } });
    expect(await restore({ scope: "everything" })).toMatchObject({ status: 422 });
    expect(await restore({}, "../gateway.db")).toMatchObject({ status: 404 });
    expect([readdirSync(join(gateway.dir, "data")).includes("restoring"), backUp(gateway)]).toEqual([false, 1]);
    const pid = gateway.process.pid;
    const decided = await restore({ passphrase: "correct horse" });
    expect([decided.status, decided.body.before]).toEqual([202, expect.stringContaining("before-restore-")]);
    await gateway.until("it is up again", () => backUp(gateway) === 2);
    expect([gateway.process.pid, gateway.process.exitCode]).toEqual([pid, null]);
    expect([await gateway.state("hut"), readFileSync(file, "utf8")]).toEqual(["running", before]);
    expect(readFileSync(join(decided.body.before, "config.yaml"), "utf8")).toContain("language: de");
    const asks = async (token: string) =>
      (await gateway.tryFetch("/api/v1/status", { headers: { authorization: `Bearer ${token}` } }))?.status;
    expect([await asks(old.token), await asks(operator.token)]).toEqual([200, 401]);
    const { body: audit } = await gateway.api<{ items: { rule: string; detail: string; kind: string }[] }>("GET", "/audit?limit=50");
    expect(JSON.stringify(audit.items.filter(({ kind }) => kind === "restore"))).toMatch(
      /api 127\.0\.0\.1 api-token: a backup was restored; what was there before/,
    );
    // A second one in the same process, of the database alone, then an end in order.
    expect((await restore({ scope: "database" })).status).toBe(202);
    await gateway.until("it is up a third time", () => backUp(gateway) === 3);
    await gateway.end("SIGTERM");
    expect(gateway.process.exitCode).toBe(0);
  } finally {
    await gateway.stop();
  }
}, 180_000);

test("an upload is kept when it is good; a wrong, a damaged, a cut and a newer one are refused, and leave nothing", async () => {
  const gateway = await Gateway.start();
  try {
    const made = await make(gateway);
    const bytes = readFileSync(made.path);
    const answer = async (body: Uint8Array<ArrayBuffer>) => {
      const response = await upload(gateway, body);
      const { detail, name, code } = (await response.json()) as Problem & Made;
      return [response.status, code ?? name, detail ?? ""].join(" ");
    };
    const damaged = Uint8Array.from(bytes);
    damaged.set([1, 2, 3, 4], damaged.length >> 1);
    const newer = withHead(bytes, (text) => text.replace('"program":"0.1.0"', '"program":"9.1.0"'));
    const format = withHead(bytes, (text) => text.replace('"format":1', '"format":7'));
    expect(await answer(Uint8Array.from(Buffer.from("a photograph")))).toMatch(/^400 invalid_argument the file is no backup/);
    expect(await answer(new Uint8Array())).toMatch(/^400 invalid_argument/);
    expect(await answer(damaged)).toMatch(/^(400|500) (invalid_argument|data_unusable)/);
    expect(await answer(Uint8Array.from(bytes.subarray(0, bytes.length - 400)))).toMatch(/^(400|500) /);
    expect(await answer(newer)).toMatch(/^409 conflict zephyrgate 9\.1\.0 made this backup/);
    expect(await answer(format)).toMatch(/^400 invalid_argument the backup has format 7/);
    expect(readdirSync(join(gateway.dir, "data/backups"))).toEqual([made.name]);
    expect(await answer(Uint8Array.from(bytes))).toMatch(/^201 zephyrgate-\S+-uploaded\.zgb/);
    const { body: list } = await gateway.api<{ items: { kind: string }[] }>("GET", "/backups");
    expect(list.items.map(({ kind }) => kind).sort()).toEqual(["manual", "uploaded"]);
    expect(gateway.lines(/an API call failed/)).toEqual([]);
    const { body: reader } = await gateway.api<{ token: string }>("POST", "/tokens", { name: "reader", role: "read" });
    expect((await upload(gateway, Uint8Array.from(bytes), reader.token)).status).toBe(403);
    // A power cut after the decision: the next start completes it.
    const uploaded = readdirSync(join(gateway.dir, "data/backups")).find((name) => name.includes("uploaded")) ?? "";
    expect((await gateway.api("POST", `/backups/${uploaded}/restore`, { configuration: false })).status).toBe(202);
    await gateway.end("SIGKILL");
    const again = await Gateway.start({ dir: gateway.dir, port: gateway.port });
    expect(again.lines(/a backup was restored/)).toHaveLength(1);
    await again.end("SIGTERM");
  } finally {
    await gateway.stop();
  }
}, 180_000);

test("a restored gateway that does not start is taken back by itself, also when it is killed in the middle again and again", async () => {
  let gateway = await Gateway.start({ plugins: { hut: answering("hut", "open") } });
  const [file, key] = ["config.yaml", "data/secret.key"].map((name) => join(gateway.dir, name)) as [string, string];
  try {
    const [config, good] = [readFileSync(file, "utf8"), readFileSync(key)];
    // With this key in its place no gateway starts.
    writeFileSync(key, "too short");
    writeFileSync(file, `${config}language: de\n`);
    const made = await make(gateway, { passphrase: "correct horse" });
    writeFileSync(key, good);
    writeFileSync(file, config);
    await gateway.api("POST", "/tokens", { name: "since", role: "read" });
    const { status } = await gateway.api("POST", `/backups/${made.name}/restore`, { passphrase: "correct horse" });
    expect(status).toBe(202);
    await gateway.until("it is up again", () => backUp(gateway) === 2);
    const isBack = async () => {
      expect([readFileSync(file, "utf8"), readFileSync(key)]).toEqual([config, good]);
      const { body: alerts } = await gateway.api<{ items: { code: string; message: string }[] }>("GET", "/alerts");
      const about = alerts.items.filter(({ code }) => code === "restore_returned" || code === "restored");
      expect(about).toMatchObject([
        { code: "restore_returned", message: expect.stringMatching(/ did not start, .* key of the secrets.*failed-restore-/) },
      ]);
      const { body: tokens } = await gateway.api<{ items: { name: string }[] }>("GET", "/tokens");
      expect(tokens.items.map(({ name }) => name)).toContain("since");
      const folders = readdirSync(join(gateway.dir, "data")).filter((name) => /restor/.test(name));
      expect(folders.filter((name) => !name.startsWith("failed-restore-"))).toEqual([]);
      return folders.length;
    };
    expect(await isBack()).toBe(1);
    // The same with the power gone at some moment of each start.
    expect((await gateway.api("POST", `/backups/${made.name}/restore`, { passphrase: "correct horse" })).status).toBe(202);
    await gateway.end("SIGKILL");
    for (const afterMs of [150, 250, 350, 450, 550]) {
      const cut = Gateway.spawn({ dir: gateway.dir, port: gateway.port });
      await Bun.sleep(afterMs);
      await cut.end("SIGKILL");
    }
    gateway = await Gateway.start({ dir: gateway.dir, port: gateway.port });
    expect(await isBack()).toBe(2);
  } finally {
    await gateway.stop();
  }
}, 180_000);
