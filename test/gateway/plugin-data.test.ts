/** The data of the bundled bbs out as a file and in again, by the command line, against a real gateway: ten thousand bulletins, a power cut, and files that are not what they seem. */
import { Database } from "bun:sqlite";
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readBackup, writeBackup } from "../../src/packages/backup.ts";
import { Gateway, prepare, runProgram, tempDir } from "./harness.ts";

const DEADLINE_MS = 120_000;
const COUNT = 10_000;
let dir: string;
let gateway: Gateway;

const start = async () => {
  gateway = Gateway.spawn({ dir, arguments: ["--config", join(dir, "config.yaml")], unconfigured: true });
  await gateway.until("it is ready", async () => (await gateway.tryFetch("/health/ready"))?.status === 200, 30_000);
};
const cli = (...argv: string[]) =>
  runProgram([...argv, "--config", join(dir, "config.yaml"), "--port", String(gateway.port)], { cwd: dir });
const list = async () => (await gateway.ask("bbs list", /^(?:general \(|Nothing on general)/)).text.split("\n")[0];
const leftovers = () => readdirSync(join(dir, "data/plugins/bbs")).filter((name) => /import|export|next/.test(name));

/** The file again, after a change of the database in it. */
async function changed(file: string, change: (db: Database) => void): Promise<string> {
  const read = await readBackup(readFileSync(join(dir, "all.zgd")));
  if (!read.ok || read.value.database === null) throw read.ok ? new Error("no database") : read.error;
  const db = Database.deserialize(read.value.database);
  change(db);
  const written = writeBackup({ ...read.value, database: db.serialize() });
  if (!written.ok) throw written.error;
  writeFileSync(join(dir, file), written.value);
  return file;
}

beforeAll(async () => {
  dir = tempDir();
  prepare(dir, {
    spacingS: 0,
    config: `plugins: { paths: [], config: { bbs: { max_bulletins: 20000 } } }\ncommands: { sender_rate: 600/min }\n`,
  });
  await start();
  const bulletins = Array.from({ length: COUNT }, (_, at) => ({
    ...{ board: "general", subject: `Subject ${at}`, body: "Text", author: "!0000aaaa", author_name: "Old Mill", at: Date.now() },
    origin: `there:${at}`,
  }));
  for (let from = 0; from < COUNT; from += 300) {
    const asked = await gateway.api("POST", "/plugins/bbs/ask", { type: "import", data: { bulletins: bulletins.slice(from, from + 300) } });
    expect(asked.status).toBe(200);
  }
  expect((await cli("plugin", "export", "bbs", "-o", "all.zgd")).code).toBe(0);
}, DEADLINE_MS);

afterAll(async () => {
  await gateway.stop();
  rmSync(dir, { recursive: true, force: true });
});

test(
  "ten thousand bulletins come back, twice the same",
  async () => {
    await gateway.ask("bbs post Later | gone after the import", /^Posted/);
    for (const _round of [1, 2]) {
      const imported = await cli("plugin", "import", "bbs", "all.zgd");
      expect([imported.code, imported.stderr]).toEqual([0, ""]);
      expect(imported.stdout).toContain(`bulletins ${COUNT}`);
      expect(imported.stdout).not.toContain("left:");
      expect(await list()).toBe(`general (${COUNT})`);
    }
    expect(leftovers()).toEqual([]);
  },
  DEADLINE_MS,
);

test(
  "what the plugin cannot have written is left, and said; the rest is taken",
  async () => {
    const file = await changed("odd.zgd", (db) => {
      db.run("UPDATE bulletins SET author = 'nobody' WHERE id = 1");
      db.run("UPDATE bulletins SET at = 5 WHERE id IN (2, 3)");
      db.run("UPDATE bulletins SET body = ? WHERE id = 4", ["x".repeat(5000)]);
      db.run("UPDATE bulletins SET thread = 99999 WHERE id = 5");
      db.run("UPDATE bulletins SET subject = x'00ff' WHERE id = 6");
      db.run("INSERT INTO zg_data VALUES ('odd', 'no json', NULL), (?, '1', NULL)", ["k".repeat(300)]);
      db.run("CREATE TRIGGER odd AFTER INSERT ON bulletins BEGIN DELETE FROM letters; END");
    });
    const imported = await cli("plugin", "import", "bbs", file);
    expect(imported.code).toBe(0);
    const left = imported.stdout.split("\n").filter((each) => each.startsWith("left:"));
    expect(left.sort()).toEqual([
      "left: 1 of bulletins: author is no node id such as !0a0b0c0d",
      "left: 1 of bulletins: body has 5000 characters, at most 1000",
      "left: 1 of bulletins: it replies to nothing",
      "left: 1 of bulletins: subject is no text",
      "left: 1 of key-value data: a key has 1 to 256 characters",
      "left: 1 of key-value data: a value is no JSON",
      "left: 1 of schema: virtual tables and triggers are not taken",
      "left: 2 of bulletins: at is no time in ms since 1970",
    ]);
    expect(imported.stdout).toContain(`bulletins ${COUNT - 6}`);
    expect(await list()).toBe(`general (${COUNT - 6})`);
  },
  DEADLINE_MS,
);

test(
  "a file that is damaged, or that the plugin does not start with, changes nothing",
  async () => {
    const before = await list();
    const torn = readFileSync(join(dir, "all.zgd"));
    writeFileSync(join(dir, "torn.zgd"), torn.subarray(0, torn.length >> 1));
    const read = await readBackup(torn);
    if (!read.ok || read.value.database === null) throw new Error("no database");
    const bytes = Uint8Array.from(read.value.database).fill(7, 8192, 200_000);
    const broken = writeBackup({ ...read.value, database: bytes });
    if (!broken.ok) throw broken.error;
    writeFileSync(join(dir, "broken.zgd"), broken.value);
    await changed("newer.zgd", (db) => db.run("PRAGMA user_version = 90"));
    for (const [file, why] of [
      ["torn.zgd", /damaged|no package|not whole|unexpected end/i],
      ["broken.zgd", /the data in the file is damaged; nothing was changed/],
      ["newer.zgd", /does not start with this data, and what was there before is back: [\s\S]*version 90/],
    ] as const) {
      const imported = await cli("plugin", "import", "bbs", file);
      expect({ file, code: imported.code, stderr: imported.stderr }).toEqual({ file, code: 1, stderr: expect.stringMatching(why) });
      expect({ file, list: await list() }).toEqual({ file, list: before });
    }
    expect(leftovers()).toEqual([]);
  },
  DEADLINE_MS,
);

test(
  "a power cut in the middle leaves what was there, or all of the file",
  async () => {
    await gateway.ask("bbs post Before | the cut", /^Posted/);
    const before = await list();
    for (const delayMs of [120]) {
      const importing = cli("plugin", "import", "bbs", "all.zgd");
      await Bun.sleep(delayMs * 4);
      await gateway.end("SIGKILL");
      await importing;
      await start();
      expect([before, `general (${COUNT})`]).toContain(await list());
      expect(leftovers()).toEqual([]);
    }
  },
  DEADLINE_MS,
);
