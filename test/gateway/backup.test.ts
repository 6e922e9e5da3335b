/** Backup and restore as an operator does them, with the real program. */
import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Gateway, runProgram, tempDir } from "./harness.ts";

const counter = {
  manifest: "permissions: [send_messages, database_access]\ncapabilities: { commands: [{ name: count }] }\n",
  code: `import { Plugin } from "zephyrgate";
export default class Counter extends Plugin {
  override initialize() { this.registerCommand("count", async () => {
    const next = ((await this.retrieveData("n", 0)) as number) + 1;
    await this.storeData("n", next);
    return "count " + next;
  }, { help: "counts" }); }
}
`,
};

const config = (gateway: Gateway) => ["--config", join(gateway.dir, "config.yaml"), "--port", String(gateway.port)];

test("a running gateway is backed up; a restore on another machine brings its data back", async () => {
  const gateway = await Gateway.start({ plugins: { counter } });
  const elsewhere = tempDir();
  try {
    await gateway.ask("count", /^count 1$/);
    await gateway.ask("count", /^count 2$/);
    const file = join(elsewhere, "mine.zgb");
    const made = await runProgram(["backup", file, ...config(gateway)], { cwd: gateway.dir });
    expect(made).toMatchObject({ code: 0, stdout: `${file}\n` });
    expect(readdirSync(join(gateway.dir, "data/backups"))).toEqual([]);
    await gateway.ask("count", /^count 3$/);
    const live = await runProgram(["restore", file, "--yes", ...config(gateway)], { cwd: gateway.dir });
    expect(live.code).toBe(1);
    expect(live.stderr).toMatch(/the gateway runs \(stop it, restore, and start it again\)/);
    await gateway.end("SIGTERM");
    const asked = await runProgram(["restore", file, ...config(gateway)], { cwd: gateway.dir });
    expect([asked.code, asked.stderr]).toEqual([1, expect.stringContaining("add --yes")]);
    rmSync(join(gateway.dir, "data"), { recursive: true });
    const restored = await runProgram(["restore", file, "--yes", ...config(gateway)], { cwd: gateway.dir });
    expect(restored).toMatchObject({ code: 0, stdout: expect.stringMatching(/^restored into .*before-restore-/) });
    const again = await Gateway.start({ dir: gateway.dir });
    // What was accepted is still accepted, and the plugin's data is that of the backup.
    expect(await again.state("counter")).toBe("running");
    expect((await again.ask("count", /^count \d+$/)).text).toBe("count 3");
    await again.end("SIGTERM");
  } finally {
    await gateway.stop();
    rmSync(elsewhere, { recursive: true });
  }
}, 180_000);

test("a stopped gateway is backed up with its secrets; they are sealed, listed by nobody, and come back", async () => {
  const gateway = await Gateway.start({ plugins: { counter } });
  const token = gateway.token;
  await gateway.end("SIGTERM");
  const command = (words: string[], input: string) =>
    Bun.spawnSync(["bun", join(import.meta.dir, "../../src/main.ts"), ...words, ...config(gateway)], {
      cwd: gateway.dir,
      stdin: Buffer.from(input),
      env: { PATH: process.env.PATH ?? "", HOME: gateway.dir },
    });
  const made = command(["backup", "--with-secrets", "--json"], "correct horse\n");
  expect(made.exitCode).toBe(0);
  const { path } = JSON.parse(made.stdout.toString());
  writeFileSync(join(gateway.dir, "data/api-token"), "lost");
  expect(command(["restore", path, "--yes", "--with-secrets"], "wrong horse\n").stderr.toString()).toMatch(/passphrase does not open/);
  expect(command(["restore", path, "--yes", "--with-secrets"], "correct horse\n").exitCode).toBe(0);
  expect(readFileSync(join(gateway.dir, "data/api-token"), "utf8").trim()).toBe(token);
  const list = command(["backup", "--list"], "");
  expect(list.stdout.toString()).toMatch(/zephyrgate-.*-manual\.zgb +manual/);
  await gateway.stop();
}, 180_000);

test("a damaged database: the start names the newest good backup, the command it gives works", async () => {
  const gateway = await Gateway.start({ plugins: { counter } });
  const { body, status } = await gateway.api<{ name: string; path: string }>("POST", "/backups", {});
  expect(status).toBe(201);
  const download = await fetch(`http://127.0.0.1:${gateway.port}/api/v1/backups/${body.name}`, {
    headers: { authorization: `Bearer ${gateway.token}` },
  });
  expect(Buffer.from(await download.arrayBuffer()).equals(readFileSync(body.path))).toBe(true);
  await gateway.end("SIGTERM");
  writeFileSync(join(gateway.dir, "data/gateway.db"), "rubbish".repeat(2000));
  const refused = await runProgram(["gateway", ...config(gateway)], { cwd: gateway.dir });
  expect(refused.code).toBe(1);
  expect(refused.stderr).toMatch(/the database is damaged/);
  const command = /restore its database with: zephyrgate restore "([^"]+)" --only-database/.exec(refused.stderr)?.[1] ?? "";
  expect(command).toBe(body.path);
  expect(refused.stderr).toMatch(/since then are lost/);
  expect(await runProgram(["restore", command, "--only-database", "--yes", ...config(gateway)], { cwd: gateway.dir })).toMatchObject({
    code: 0,
  });
  const again = await Gateway.start({ dir: gateway.dir });
  expect(await again.state("counter")).toBe("running");
  await again.end("SIGTERM");
  await gateway.stop();
}, 180_000);

test("before another version touches the data, it is backed up", async () => {
  const gateway = await Gateway.start({ plugins: { counter } });
  expect(existsSync(join(gateway.dir, "data/backups"))).toBe(false);
  await gateway.end("SIGTERM");
  writeFileSync(join(gateway.dir, "data/version"), "0.0.1\n");
  const next = await Gateway.start({ dir: gateway.dir });
  expect(readdirSync(join(gateway.dir, "data/backups"))).toEqual([expect.stringMatching(/-upgrade\.zgb$/)]);
  expect(next.lines(/backed up before the change to version/)).toHaveLength(1);
  await next.end("SIGTERM");
  const same = await Gateway.start({ dir: gateway.dir });
  expect(readdirSync(join(gateway.dir, "data/backups"))).toHaveLength(1);
  await same.end("SIGTERM");
  await gateway.stop();
}, 180_000);
