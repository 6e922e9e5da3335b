/** A disk that fills, goes read-only or loses its folder, and a damaged database: plugins stay up, and it is over by itself. */
import { expect, test } from "bun:test";
import { readdirSync, renameSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Gateway, prepare, runProgram, tempDir } from "./harness.ts";
import { SmallDisk } from "./small-disk.ts";

/** Stores four times a second, and says in the log what came of it whenever that changes. */
const keeper = {
  manifest: "permissions: [send_messages, database_access, schedule_tasks]\ncapabilities: { commands: [{ name: keep }] }\n",
  code: `import { Plugin } from "zephyrgate";
export default class Keeper extends Plugin {
  last = "";
  override start() { setInterval(() => this.store(), 250); }
  async store() {
    let now = "stored";
    try { await this.storeData("n", "x".repeat(5000) + Date.now()); } catch (e) { now = e.code + ": " + e.message; }
    if (now !== this.last) this.log.warn("keeper says " + now);
    this.last = now;
  }
  override initialize() { this.registerCommand("keep", async () => { await this.storeData("k", Date.now()); return "kept"; }, { help: "keeps" }); }
}
`,
};
/** Fails without catching anything. */
const careless = {
  manifest: "permissions: [database_access, schedule_tasks]\ncapabilities: { scheduled_tasks: [{ name: work, interval: 1 }] }\n",
  code: `import { Plugin } from "zephyrgate";
export default class Careless extends Plugin {
  override initialize() { this.registerScheduledTask("work", { interval: 1 }, async () => {
    try { await this.storeData("n", "x".repeat(5000) + Date.now()); } catch { throw new Error("no good"); }
  }); }
}
`,
};

interface Status {
  readonly alerts: readonly { readonly code: string; readonly message: string; readonly plugin?: string }[];
}

async function alerts(gateway: Gateway): Promise<string[]> {
  return (await gateway.api<Status>("GET", "/status")).body.alerts.map(({ code }) => code);
}

async function blamed(gateway: Gateway): Promise<unknown[]> {
  const found = [];
  for (const name of ["keeper", "careless"]) {
    const { body } = await gateway.api<{ state: string; failures: number; restarts: number }>("GET", `/plugins/${name}`);
    found.push([name, body.state, body.failures, body.restarts]);
  }
  return found;
}

const UNBLAMED = [
  ["keeper", "running", 0, 0],
  ["careless", "running", 0, 0],
];

async function onSmallDisk(run: (gateway: Gateway, disk: SmallDisk) => Promise<void>): Promise<void> {
  const dir = tempDir();
  const disk = SmallDisk.mount(join(dir, "data"), 24);
  if (disk === null) throw new TypeError("cannot mount");
  prepare(dir, { plugins: { keeper, careless } });
  const gateway = await Gateway.start({ dir });
  try {
    await gateway.until("it stores", () => gateway.output.includes("keeper says stored"));
    await run(gateway, disk);
  } finally {
    await gateway.end("SIGTERM");
    disk.unmount();
    await gateway.stop();
  }
}

test.skipIf(!SmallDisk.available)(
  "a full disk: plugins stay up, nobody is blamed, operators are told, and it is over by itself",
  async () => {
    await onSmallDisk(async (gateway, disk) => {
      disk.fill();
      await gateway.until("the plugin is told", () => {
        if (disk.freeBytes > 0) disk.fill();
        return gateway.output.includes("keeper says unavailable: the disk is full");
      });
      await gateway.until("the operators are told", async () => (await alerts(gateway)).includes("disk_full"));
      expect(gateway.output).not.toContain("quota");
      await Bun.sleep(3_000);
      expect(await blamed(gateway)).toEqual(UNBLAMED);
      expect(gateway.lines(/plugin host .*(?:ended|crashed)/)).toEqual([]);
      const stored = gateway.lines(/keeper says stored/).length;
      const degraded = await runProgram(["status", "--config", join(gateway.dir, "config.yaml"), "--port", String(gateway.port)], {
        cwd: gateway.dir,
      });
      expect([degraded.code, degraded.stdout]).toEqual([1, expect.stringMatching(/^disk: full, 0 MB free$/m)]);
      disk.free();
      await gateway.until("it stores again", () => gateway.lines(/keeper says stored/).length > stored);
      await gateway.until("the gateway notices", () => gateway.output.includes("can be written again"), 60_000);
      expect(await alerts(gateway)).not.toContain("disk_full");
      expect((await gateway.ask("keep", /^kept$/)).text).toBe("kept");
      expect(await blamed(gateway)).toEqual(UNBLAMED);
    });
  },
  180_000,
);

test.skipIf(!SmallDisk.available)(
  "a gateway starts on a disk that has just a little room, and says that it is low",
  async () => {
    await onSmallDisk(async (gateway, disk) => {
      await gateway.end("SIGTERM");
      disk.fill();
      truncateSync(join(disk.path, "filling"), statSync(join(disk.path, "filling")).size - 1_000_000);
      const tight = await Gateway.start({ dir: gateway.dir });
      expect(await tight.state("keeper")).toBe("running");
      expect(await alerts(tight)).toContain("disk_low");
      await tight.end("SIGTERM");
    });
  },
  180_000,
);

test.skipIf(!SmallDisk.available)(
  "a read-only disk is named, and it is over when it can be written again",
  async () => {
    await onSmallDisk(async (gateway, disk) => {
      disk.makeReadOnly();
      await gateway.until("the operators are told", async () => (await alerts(gateway)).includes("disk_read_only"), 120_000);
      await gateway.until("the log says so", () => gateway.lines(/ERROR .*the disk is read-only/).length === 1);
      expect(await blamed(gateway)).toEqual(UNBLAMED);
      disk.makeWritable();
      await gateway.until("the gateway notices", () => gateway.output.includes("can be written again"), 60_000);
      expect((await gateway.ask("keep", /^kept$/)).text).toBe("kept");
    });
  },
  240_000,
);

test("a data folder that is removed is told, plugins stay up, and it is over when it is back", async () => {
  const gateway = await Gateway.start({ plugins: { keeper, careless } });
  const data = join(gateway.dir, "data");
  const token = gateway.token;
  expect(token).not.toBe("");
  renameSync(data, `${data}-away`);
  await gateway.until("the operators are told", async () => (await alerts(gateway)).includes("disk_missing"), 120_000);
  await gateway.until("the log says so", () => gateway.lines(/ERROR .*the data folder .* was removed or replaced/).length === 1);
  expect(await blamed(gateway)).toEqual(UNBLAMED);
  renameSync(`${data}-away`, data);
  await gateway.until("the gateway notices", () => gateway.output.includes("can be written again"), 60_000);
  expect((await gateway.ask("keep", /^kept$/)).text).toBe("kept");
  await gateway.stop();
}, 240_000);

test("a damaged plugin database is named with what to do; the plugin stays up, and starts empty only when asked", async () => {
  const gateway = await Gateway.start({ plugins: { keeper, careless } });
  await gateway.ask("keep", /^kept$/);
  await gateway.end("SIGTERM");
  const folder = join(gateway.dir, "data/plugins/keeper");
  writeFileSync(join(folder, "data.db"), "rubbish".repeat(3000));
  const again = await Gateway.start({ dir: gateway.dir });
  await again.until("the plugin is told", () => again.output.includes("keeper says data_unusable: The plugin's database is damaged"));
  await again.say("keep");
  await again.until("the operators are told", async () => (await alerts(again)).includes("plugin_data_damaged"));
  expect((await blamed(again))[0]).toEqual(["keeper", "running", 0, 0]);
  expect(readdirSync(folder)).toEqual(["data.db"]);
  const where = ["--config", join(gateway.dir, "config.yaml"), "--port", String(again.port)];
  const emptied = await runProgram(["plugin", "import", "keeper", "--empty", ...where], { cwd: gateway.dir });
  expect(emptied).toMatchObject({ code: 0 });
  expect((await again.ask("keep", /^kept$/)).text).toBe("kept");
  expect(readdirSync(folder).some((name) => name.startsWith("data.db.damaged-"))).toBe(true);
  await again.end("SIGTERM");
  await gateway.stop();
}, 180_000);

test("a lost secret.key is told, with the secrets that it costs", async () => {
  const reader = {
    manifest: "permissions: [send_messages, secrets]\n",
    code: 'import { Plugin } from "zephyrgate"; export default class Reader extends Plugin {}',
  };
  const gateway = await Gateway.start({ plugins: { reader } });
  expect((await gateway.api("PUT", "/plugins/reader/secrets/token", { value: "s3cret" })).status).toBeLessThan(300);
  await gateway.end("SIGTERM");
  renameSync(join(gateway.dir, "data/secret.key"), join(gateway.dir, "lost.key"));
  const again = await Gateway.start({ dir: gateway.dir });
  expect(again.lines(/ERROR .*1 secret cannot be decrypted.*: reader token \(restore that file from a backup/)).toHaveLength(1);
  expect(await alerts(again)).toContain("secrets_unreadable");
  await again.end("SIGTERM");
  renameSync(join(gateway.dir, "lost.key"), join(gateway.dir, "data/secret.key"));
  const back = await Gateway.start({ dir: gateway.dir });
  expect(back.output).not.toContain("cannot be decrypted");
  await back.end("SIGTERM");
  await gateway.stop();
}, 180_000);
