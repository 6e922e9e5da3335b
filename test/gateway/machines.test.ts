/** The rows of "Machines that differ" in docs/reliability.md: each is tried with the real program. */
import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { FROM_SOURCE, Gateway, runProgram, tempDir } from "./harness.ts";
import { SmallDisk } from "./small-disk.ts";

const ROWS = new Map<string, string>();
for (const line of readFileSync(join(import.meta.dir, "../../docs/reliability.md"), "utf8").split("\n")) {
  const [, name, what] = /^\| ([^|]+?) \| ([^|]+?) \|$/.exec(line) ?? [];
  if (name !== undefined && what !== undefined && !/^-+$/.test(name)) ROWS.set(name, what);
}
const tried = new Set<string>();

/** A test of one row of the page. */
function row(name: string, run: () => Promise<void>, possible = true): void {
  tried.add(name);
  test.skipIf(!possible)(name, run, 120_000);
}

/** Runs the program behind a shell line, in name spaces of its own. */
const behind = (flags: string, line: string) => ["unshare", ...flags.split(" "), "sh", "-c", `${line}; exec "$@"`, "sh", ...FROM_SOURCE];
const canUnshare = SmallDisk.available && Bun.spawnSync(["unshare", "-n", "-m", "true"]).exitCode === 0;

async function isWell(gateway: Gateway): Promise<void> {
  expect((await gateway.ask("ping", /^pong/)).text).toStartWith("pong");
}

row("blanks, `#`, quotes and Unicode in the data folder's path", async () => {
  const dir = tempDir();
  const name = "srv radio #2 ü'";
  const gateway = await Gateway.start({ dir, unconfigured: true, arguments: ["--data-dir", name] });
  expect(readdirSync(dir)).toContain(name);
  await gateway.end("SIGTERM");
  rmSync(join(dir, name), { recursive: true });
  const byVariable = await Gateway.start({ dir, unconfigured: true, env: { ZEPHYRGATE_DATA_DIR: name } });
  expect(existsSync(join(dir, name, "gateway.db"))).toBe(true);
  await byVariable.stop();
});

row("a data folder behind a symbolic link", async () => {
  const gateway = Gateway.spawn({ dir: tempDir(), unconfigured: true });
  await gateway.end("SIGKILL");
  const dir = tempDir();
  mkdirSync(join(dir, "real"));
  symlinkSync("real", join(dir, "data"));
  const linked = await Gateway.start({ dir, unconfigured: true });
  await isWell(linked);
  const backup = await runProgram(["backup", "--port", String(linked.port)], { cwd: dir });
  expect(backup.code).toBe(0);
  expect(existsSync(join(dir, "real/gateway.db"))).toBe(true);
  await linked.stop();
});

for (const umask of ["077", "000"]) {
  row(`umask ${umask}`, async () => {
    const command = ["sh", "-c", `umask ${umask}; exec "$@"`, "sh", ...FROM_SOURCE];
    const gateway = await Gateway.start({ command });
    await isWell(gateway);
    const modes = ["api-token", "secret.key", "gateway.db", "lock"].map((name) => statSync(join(gateway.dir, "data", name)).mode & 0o777);
    expect(modes).toEqual([0o600, 0o600, 0o600, 0o600]);
    await gateway.stop();
  });
}

row("a root file system that is read-only", readOnlyRoot, canUnshare);
async function readOnlyRoot(): Promise<void> {
  const dir = tempDir();
  mkdirSync(join(dir, "data"));
  const line = `mount -t tmpfs tmpfs ${join(dir, "data")} && mount -o remount,bind,ro /`;
  const gateway = await Gateway.start({ dir, unconfigured: true, command: behind("-m", line) }).catch((thrown) => thrown);
  // The harness cannot see into the other name space: the token lies there, too.
  expect(gateway).toBeInstanceOf(Gateway);
  expect(gateway.output).toContain(" is up\n");
  await gateway.stop();
}

row(
  "an overlay file system, as containers have",
  async () => {
    const dir = tempDir();
    const disk = SmallDisk.mount(join(dir, "upper"), 64);
    for (const name of ["upper/u", "upper/w", "lower", "merged"]) mkdirSync(join(dir, name));
    const options = `lowerdir=${dir}/lower,upperdir=${dir}/upper/u,workdir=${dir}/upper/w`;
    const mounted = Bun.spawnSync(["mount", "-t", "overlay", "overlay", "-o", options, join(dir, "merged")]).exitCode === 0;
    try {
      if (!mounted) {
        console.warn("skipped: this kernel mounts no overlay file system");
        return;
      }
      const gateway = await Gateway.start({ dir, unconfigured: true, arguments: ["--data-dir", join(dir, "merged/data")] });
      expect(gateway.output).toContain(" is up\n");
      await gateway.end("SIGKILL");
      const again = await Gateway.start({ dir, unconfigured: true, arguments: ["--data-dir", join(dir, "merged/data")] });
      await again.end("SIGTERM");
    } finally {
      if (mounted) Bun.spawnSync(["umount", "-l", join(dir, "merged")]);
      disk?.unmount();
      rmSync(dir, { recursive: true, force: true });
    }
  },
  SmallDisk.available,
);

row(
  "no network but loopback, and no DNS",
  async () => {
    const gateway = Gateway.spawn({ command: behind("-n", "ip link set lo up") });
    await gateway.until("it is up", () => gateway.output.includes(" is up\n"));
    await gateway.stop();
  },
  canUnshare && Bun.which("ip") !== null,
);

row("IPv6 only", async () => {
  const gateway = Gateway.spawn({ config: 'api: { host: "::1" }\nplugins: { paths: PATHS }\n' });
  await gateway.until("it is up", () => gateway.output.includes(" is up\n"));
  expect(gateway.output).toContain(`http://[::1]:${gateway.port}/`);
  const where = ["--config", join(gateway.dir, "config.yaml"), "--port", String(gateway.port)];
  expect((await runProgram(["status", ...where], { cwd: gateway.dir })).stdout).toContain("sim");
  await gateway.stop();
});

row("variables that Docker's links and Kubernetes inject", async () => {
  const env = {
    ZEPHYRGATE_PORT: "tcp://172.17.0.5:8080",
    ZEPHYRGATE_PORT_8080_TCP: "tcp://172.17.0.5:8080",
    ZEPHYRGATE_PORT_8080_TCP_ADDR: "172.17.0.5",
    ZEPHYRGATE_NAME: "/app/zephyrgate",
    ZEPHYRGATE_SERVICE_HOST: "10.0.0.1",
    ZEPHYRGATE_SERVICE_PORT: "8080",
    ZEPHYRGATE_SERVICE_PORT_HTTP: "8080",
  };
  const gateway = await Gateway.start({ env });
  await gateway.until("each is named", () =>
    Object.keys(env).every((name) => gateway.lines(new RegExp(`WARN .*${name}: is ignored`)).length === 1),
  );
  await gateway.stop();
  const wrong = await runProgram(["gateway"], { cwd: tempDir(), env: { ZEPHYRGATE_PORT: "9000" } });
  expect([wrong.code === 0, wrong.stderr]).toEqual([false, expect.stringContaining("ZEPHYRGATE_PORT: no setting has this name")]);
});

/** Rows that are tried elsewhere, because no machine at hand is such a one. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  "memory pages of 16 KB (Raspberry Pi 5)": "test/sandbox/page-size.test.ts",
  "a file system without locks (NFS without its lock service)": "test/storage/core-lock.test.ts",
  "a folder that cannot be synced (exFAT, FUSE)": "test/storage/atomic.test.ts",
  "a clock that was never set": "test/storage/core.test.ts",
};

test("every row of the page is tried, and only those", () => {
  for (const path of Object.values(ELSEWHERE)) expect([path, existsSync(join(import.meta.dir, "../..", path))]).toEqual([path, true]);
  const known = [...tried, ...Object.keys(ELSEWHERE)].sort();
  expect(known.length).toBeGreaterThan(12);
  expect(known.filter((name) => !ROWS.has(name))).toEqual([]);
});
