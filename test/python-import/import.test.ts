/** What is taken from an installation of the Python original, and what is left, by a real gateway and the real command. */
import { Database } from "bun:sqlite";
import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { amendConfig } from "../../src/config/amend.ts";
import { checkFile } from "../../src/config/check.ts";
import { configSchema, MAX_CONFIG_BYTES } from "../../src/config/schema.ts";
import { readYaml } from "../../src/config/yaml.ts";
import { takeRows } from "../../src/python-import/rows.ts";
import { takeSettings } from "../../src/python-import/settings.ts";
import { readInstallation } from "../../src/python-import/source.ts";
import { nodeOf, timeOf } from "../../src/python-import/values.ts";
import { Gateway, PATIENCE_MS, runProgram } from "../gateway/harness.ts";
import { pythonInstallation } from "./installation.ts";

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function installation(extra = 0): string {
  const folder = pythonInstallation(extra);
  folders.push(folder);
  return folder;
}

/** Name and content of every file, to see that nothing was changed. */
function contents(folder: string): Record<string, string> {
  const files = (
    readdirSync(folder, { recursive: true, withFileTypes: true }) as { name: string; parentPath: string; isFile(): boolean }[]
  ).filter((each) => each.isFile());
  return Object.fromEntries(
    files.map((each) => [join(each.parentPath, each.name), readFileSync(join(each.parentPath, each.name)).toString("base64")]),
  );
}

test(
  "a running gateway takes it over, once, and the original is as it was",
  async () => {
    const python = installation(90);
    const before = contents(python);
    const gateway = await Gateway.start({});
    const run = (...more: string[]) =>
      runProgram(["import-python", python, "--config", join(gateway.dir, "config.yaml"), "--port", String(gateway.port), ...more], {
        cwd: gateway.dir,
      });
    const dry = await run("--dry-run");
    expect(dry.code).toBe(0);
    for (const part of [
      /left +meshtastic.interfaces: blue +there is no Bluetooth/,
      /taken +security.admin_nodes: 1 operators/,
      /left +security.admin_nodes +some are no node ids/,
      /taken +bulletins: 92 of 94/,
      /left +bulletins: 1 +older than plugins.config.bbs.bulletin_days \(45\)/,
      /left +bulletins: 1 +the sender is no node id/,
      /taken +mail: 2 of 2/,
      /left +checklist: 1 +who is out must be asked anew/,
      /left +users: email, phone, address +personal data/,
      /left +services.email +there is no e-mail here/,
      /taken +services: weather switched off/,
      /taken +scheduled_broadcasts: Morning News; sent once the plugin broadcasts is enabled/,
      /left +scheduled_broadcasts: Fast +its interval is under 600 s/,
      /left +scheduled_broadcasts: Gone +its time is over/,
      /left +scheduled_broadcasts: Wx +it calls a method of a plugin/,
    ]) {
      expect(dry.stdout).toMatch(part);
    }
    const unconfirmed = await run();
    expect([unconfirmed.code, unconfirmed.stderr]).toEqual([1, expect.stringContaining("add --yes")]);
    const taken = await run("--yes");
    expect({ code: taken.code, stderr: taken.stderr.replace(/^.*(?:before-import|configuration:).*\n/gm, "") }).toEqual({
      code: 0,
      stderr: "",
    });
    expect(taken.stdout).toMatch(/bulletins: 92 stored, 0 were there before\nletters: 2 stored, 0 were there before\nchannels: 1 stored/);
    expect((await run("--yes")).stdout).toMatch(/bulletins: 0 stored, 92 were there before\nletters: 0 stored, 2 were there before/);
    expect(contents(python)).toEqual(before);
    const config = readFileSync(join(gateway.dir, "config.yaml"), "utf8");
    expect(config).toContain("bulletin_days: 45");
    expect(config).not.toContain("ttyUSB7");
    expect(config).toContain("channel: sim/1");
    await gateway.ask("bbs list harbour", /Boat for sale \(Ridge Cabin 2d\)/);
    await gateway.ask("mail", /MAIL 1 new, 2 in all/);
    await gateway.ask("mail send old mill are you well?", /is kept for Old Mill/);
    await gateway.stop();
  },
  PATIENCE_MS * 3,
);

test(
  "without a gateway the configuration is written, and the rest is told to wait",
  async () => {
    const python = installation();
    const folder = mkdtempSync(join(tmpdir(), "zg-import-"));
    folders.push(folder);
    const done = await runProgram(["import-python", python, "--yes"], { cwd: folder });
    expect([done.code, done.stderr]).toEqual([3, expect.stringContaining("start it and import again")]);
    const config = readFileSync(join(folder, "config.yaml"), "utf8");
    for (const part of [
      "device: /dev/ttyUSB7",
      "host: 192.0.2.7",
      '"!0a0b0c0d"',
      "level: warn",
      "- harbour",
      "Received",
      "responders:",
      "place: Husum",
      "channel: primary/1",
      "name: morning_news",
    ]) {
      expect(config).toContain(part);
    }
    expect((await runProgram(["config", "check"], { cwd: folder })).code).toBe(0);
  },
  PATIENCE_MS,
);

test("what is no installation is refused with what one looks like", () => {
  const folder = mkdtempSync(join(tmpdir(), "zg-import-"));
  folders.push(folder);
  expect(readInstallation(join(folder, "nowhere"), folder)).toMatchObject({ ok: false, error: { code: "not_found" } });
  expect(readInstallation(folder, folder)).toMatchObject({ ok: false, error: { hint: expect.stringContaining("data/zephyrgate.db") } });
  writeFileSync(join(folder, "zephyrgate.db"), "this is no database");
  const scratch = mkdtempSync(join(tmpdir(), "zg-import-"));
  folders.push(scratch);
  expect(readInstallation(folder, scratch)).toMatchObject({ ok: false, error: { code: "data_unusable" } });
  writeFileSync(join(folder, "config.yaml"), "a: [1");
  expect(readInstallation(folder, scratch)).toMatchObject({ ok: false, error: { code: "config_invalid" } });
});

test("a configuration file keeps its comments and its own values", () => {
  const text = '# mine\napi: { port: 9000 } # here\nplugins:\n  # none yet\noperators: ["!00000001"]\n';
  const {
    text: now,
    added,
    kept,
  } = amendConfig(text, { api: { port: 1, host: "x" }, plugins: { config: { bbs: { a: 1 } } }, operators: ["!00000002"] });
  expect(added).toEqual(["api.host", "plugins"]);
  expect(kept).toEqual(["api.port", "operators"]);
  expect(now).toContain("# mine\napi: { port: 9000, host: x } # here\n");
  expect(now).toContain('"!00000001"');
  expect(now).toContain("# none yet");
  expect(amendConfig(text, { api: { port: 2 } }).text).toBe(text);
});

test("ids and times in the forms that are in use", () => {
  expect(["!A1B2C3D4", "a1b2c3d4", "305419896", 305419896, "!00000000", "!ffffffff", "x", null].map(nodeOf)).toEqual([
    "!a1b2c3d4",
    "!a1b2c3d4",
    "!12345678",
    "!12345678",
    null,
    null,
    null,
    null,
  ]);
  const noon = Date.parse("2026-01-05T12:00:00Z");
  for (const value of ["2026-01-05 12:00:00", "2026-01-05T12:00:00.000000", "2026-01-05T13:00:00+01:00", noon / 1000, noon]) {
    expect(timeOf(value)).toBe(noon);
  }
  expect(["yesterday", "", null, "2026-13-45 99:00"].map(timeOf)).toEqual([null, null, null, null]);
});

test("of more bulletins than are kept the newest are taken, in the order of their time", () => {
  const scratch = mkdtempSync(join(tmpdir(), "zg-import-"));
  folders.push(scratch);
  const read = readInstallation(installation(30), scratch);
  if (!read.ok) throw read.error;
  const keeps = { boards: ["general"], maxBulletins: 12, bulletinDays: 45, mailDays: 90, now: Date.now() };
  const { bulletins, notes } = takeRows(read.value.tables, keeps);
  const times = bulletins.map((each) => (each as { at: number }).at);
  expect(times).toEqual(times.toSorted());
  expect(bulletins.map((each) => (each as { subject: string }).subject).slice(-2)).toEqual(["Boat for sale", "Ladder?"]);
  expect(bulletins).toHaveLength(12);
  expect(notes).toContainEqual({ what: "bulletins: 20", left: "older than the 12 newest (plugins.config.bbs.max_bulletins)" });
});

test("brokers of the original become links of type mqtt, which this gateway's configuration takes", () => {
  const config = {
    meshtastic: {
      interfaces: [
        { id: "base", type: "serial", port: "/dev/ttyUSB7" },
        { id: "cloud 2", type: "mqtt", url: "ssl://broker.example.org", channels: ["LongFast", { name: "far too long a name" }] },
        { id: "none", type: "mqtt" },
      ],
    },
    mqtt_gateway: {
      enabled: true,
      ...{ broker_address: "mqtt.example.org", broker_port: 1884, username: "mesh", password: "secret", root_topic: "msh/EU_868/" },
      channels: [{ name: "Rescue", psk: "AQ==", uplink_enabled: true }],
    },
  };
  const { settings, notes } = takeSettings(config, null, Date.now());
  const amended = amendConfig("", settings).text;
  const read = readYaml(amended, "config.yaml", MAX_CONFIG_BYTES);
  if (!read.ok) throw new Error("no YAML");
  const checked = checkFile(configSchema, read.value, read.value.value ?? {});
  expect(checked.ok ? checked.value.mesh.interfaces : checked.error).toMatchObject([
    { name: "base", type: "serial" },
    { name: "cloud_2", type: "mqtt", url: "mqtts://broker.example.org:8883", channels: [{ name: "LongFast" }] },
    {
      name: "cloud",
      type: "mqtt",
      url: "mqtt://mqtt.example.org:1884",
      username: "mesh",
      root: "msh/EU_868",
      channels: [{ name: "Rescue" }],
    },
  ]);
  expect(amended).not.toContain("secret");
  const left = notes.filter((each) => each.left !== null).map(({ what, left }) => `${what}: ${left}`);
  expect(left.join("\n")).toMatch(/none: it names no broker/);
  expect(left.join("\n")).toMatch(/mqtt_gateway: password: write it into a file/);
  expect(left.join("\n")).toMatch(/cloud_2: channels: some have no name/);
  const again = takeSettings({ mqtt_gateway: { broker_address: "x" } }, null, 0);
  expect(again.notes).toContainEqual({ what: "mqtt_gateway", left: "it is switched off there" });
  for (const odd of [{ enabled: true }, { enabled: true, broker_address: "http://x" }, { enabled: true, broker_address: "a b" }])
    expect(takeSettings({ mqtt_gateway: odd as never }, null, 0).settings).toEqual({});
});

describe("what was not made by the documented version", () => {
  const scratch = () => {
    const folder = mkdtempSync(join(tmpdir(), "zg-scratch-"));
    folders.push(folder);
    return folder;
  };
  const keeps = { boards: ["general"], maxBulletins: 1_000, bulletinDays: 30, mailDays: 90, now: Date.now() };
  const database = (folder: string) => join(folder, "data/zephyrgate.db");
  const changed = (change: (db: Database) => void) => {
    const folder = installation();
    const db = new Database(database(folder));
    change(db);
    db.close();
    return folder;
  };

  test("a damaged file, and one that is no database, are named with what to do, and nothing is changed", () => {
    const folder = changed((db) => db.run("PRAGMA journal_mode = DELETE"));
    const bytes = readFileSync(database(folder));
    for (const damaged of [bytes.fill(9, 100, 9_000), Buffer.from("no database at all"), bytes.subarray(0, 700)]) {
      writeFileSync(database(folder), damaged);
      const before = contents(folder);
      const read = readInstallation(folder, scratch());
      expect(read.ok ? read.value.tables.size : read.error).toMatchObject({
        code: "data_unusable",
        hint: expect.stringContaining("stop the original"),
      });
      expect(contents(folder)).toEqual(before);
    }
  });

  test("one that the original has locked is read from a copy", () => {
    const folder = installation();
    const db = new Database(database(folder));
    db.run("BEGIN EXCLUSIVE");
    db.run("DELETE FROM bulletins");
    const read = readInstallation(folder, scratch());
    expect(read.ok && read.value.tables.get("bulletins")?.length).toBe(4);
    db.close();
  });

  test("of more rows than are read the newest are, and the others are counted", () => {
    const folder = changed((db) => {
      db.run(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20100)
        INSERT INTO message_history (sender_id, content, timestamp) SELECT '!0000aaaa', 'text ' || i, '2026-01-01' FROM n`);
    });
    const read = readInstallation(folder, scratch());
    if (!read.ok) throw read.error;
    expect([...read.value.unread]).toEqual([["message_history", 100]]);
    expect(read.value.tables.get("message_history")?.at(-1)?.content).toBe("text 20100");
  });

  test("umlauts in Latin-1 are umlauts, in the database and in the configuration", () => {
    const folder = changed((db) => {
      db.query("UPDATE users SET long_name = CAST(? AS TEXT) WHERE node_id = '!0000bbbb'").run(Buffer.from("Alte M\xfchle", "latin1"));
      db.run("UPDATE users SET long_name = 'Hütte' WHERE node_id = '!0000aaaa'");
    });
    const config = join(folder, "config/config.yaml");
    writeFileSync(config, Buffer.from(readFileSync(config, "utf8").replace("Husum", "Großenkneten"), "latin1"));
    const read = readInstallation(folder, scratch());
    if (!read.ok) throw read.error;
    expect(takeRows(read.value.tables, keeps).names).toMatchObject([{ long: "Hütte" }, { long: "Alte Mühle" }]);
    expect(JSON.stringify(read.value.config)).toContain("Großenkneten");
  });

  test("tables and columns of another version, and keys that nobody knows, stop nothing and are told", () => {
    const folder = changed((db) => {
      db.run("ALTER TABLE bulletins ADD COLUMN pinned BOOLEAN");
      db.run("DROP TABLE mail");
      db.run("CREATE TABLE votes (id TEXT PRIMARY KEY, n INTEGER) WITHOUT ROWID");
      db.run("INSERT INTO votes VALUES ('a', 1)");
      db.run("CREATE TABLE channels_new (id INTEGER, name TEXT)");
    });
    const config = join(folder, "config/config.yaml");
    writeFileSync(config, `${readFileSync(config, "utf8")}\nquantum: { entangled: true }\n`);
    const read = readInstallation(folder, scratch());
    if (!read.ok) throw read.error;
    const rows = takeRows(read.value.tables, keeps);
    expect(rows.bulletins).toHaveLength(2);
    expect(rows.notes).toContainEqual({ what: "votes: 1", left: "not known here" });
    expect(
      takeSettings(read.value.config, null, Date.now())
        .notes.filter(({ left }) => left !== null)
        .map(({ what }) => what),
    ).toContain("quantum");
  });
});
