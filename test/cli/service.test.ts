import { afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { main } from "../../src/cli/main.ts";
import { MARK, UDEV_PATH, UDEV_TEXT, UNIT_PATH, USER_PATH, unitText } from "../../src/cli/service/unit.ts";

const CONFIG = "/etc/zephyrgate/config.yaml";
let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "service-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

async function service(...argv: string[]) {
  const said = { stdout: "", stderr: "" };
  const code = await main(["service", ...argv, "--root", root], {
    stdout: { write: (text) => (said.stdout += text) },
    stderr: { write: (text) => (said.stderr += text) },
    stdin: (async function* () {})(),
    env: { HOME: root },
    cwd: root,
    isTTY: false,
  });
  return { code, ...said };
}
const install = (...flags: string[]) => service("install", "--program", "/usr/bin/true", ...flags);
const read = (path: string) => readFileSync(join(root, path), "utf8");
const write = (path: string, text: string) => {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
};

test("install writes unit, user and configuration below the root, again without touching the configuration; uninstall leaves it", async () => {
  const OURS = [UNIT_PATH, USER_PATH, UDEV_PATH].map((path) => `${root}${path}\n`).join("");
  expect(await service("status")).toMatchObject({ code: 3, stdout: "unit: not installed\n" });
  const dry = await install("--dry-run");
  expect(dry.code).toBe(0);
  expect(existsSync(join(root, "etc"))).toBe(false);
  expect(await install()).toMatchObject({
    code: 0,
    stdout: [UNIT_PATH, USER_PATH, UDEV_PATH, CONFIG].map((path) => `${root}${path}\n`).join(""),
  });
  for (const path of [UNIT_PATH, USER_PATH, UDEV_PATH, CONFIG]) {
    expect(dry.stdout).toContain(`--- ${root}${path}\n${read(path)}`);
    expect(statSync(join(root, path)).mode & 0o444).toBe(0o444);
    expect(statSync(dirname(join(root, path))).mode & 0o555).toBe(0o555);
  }
  expect(read(CONFIG)).toContain("data_dir: /var/lib/zephyrgate\n");
  expect(read(UNIT_PATH)).toContain(`ExecStart=/usr/bin/true gateway --config ${CONFIG}\n`);
  expect(await service("status")).toMatchObject({ code: 0 });
  write(CONFIG, "data_dir: /srv/mesh\n");
  expect(await install()).toMatchObject({ code: 0, stdout: OURS });
  expect(read(UNIT_PATH)).toContain("ReadWritePaths=/srv/mesh\n");
  expect(await service("uninstall")).toMatchObject({ code: 0, stdout: OURS });
  expect([UNIT_PATH, USER_PATH, UDEV_PATH, CONFIG].map((path) => existsSync(join(root, path)))).toEqual([false, false, false, true]);
  expect(await service("uninstall")).toMatchObject({ code: 0, stdout: "", stderr: "nothing is installed\n" });
});

test("nothing is written when the configuration is wrong, a path cannot work, or a file is somebody else's", async () => {
  write(CONFIG, "api: { prot: 1 }\n");
  expect(await install()).toMatchObject({ code: 78, stderr: expect.stringContaining("did you mean port?") });
  write(CONFIG, "data_dir: /home/me/data\n");
  expect(await install()).toMatchObject({ code: 1, stderr: expect.stringContaining("set data_dir: /var/lib/zephyrgate") });
  for (const program of ["/home/me/zephyrgate", "/opt/a b", "/opt/%n", "/opt/x\nUser=root", "zephyrgate"])
    expect(await service("install", "--program", program)).toMatchObject({ code: 1, stdout: "" });
  expect(existsSync(join(root, UNIT_PATH))).toBe(false);
  rmSync(join(root, CONFIG));
  write(UNIT_PATH, "[Service]\nExecStart=/bin/mine\n");
  const refused = { code: 1, stdout: "", stderr: expect.stringContaining("was not written by service install") };
  expect(await install()).toMatchObject(refused);
  expect(await service("uninstall")).toMatchObject(refused);
  expect(read(UNIT_PATH)).toBe("[Service]\nExecStart=/bin/mine\n");
  expect(existsSync(join(root, USER_PATH))).toBe(false);
});

test("a place that cannot be written: one line", async () => {
  write("/etc", "a file");
  const refused = await install();
  expect([refused.code, refused.stdout]).toEqual([1, ""]);
  expect(refused.stderr).toMatch(
    /^zephyrgate: \S+zephyrgate\.service cannot be written \(\w+\) \(run it with sudo, or with --dry-run to see it\)\n$/,
  );
});

test("docs/operating.md shows the unit as it is", async () => {
  const page = await Bun.file(join(import.meta.dir, "../../docs/operating.md")).text();
  const unit = unitText({ program: "/usr/local/bin/zephyrgate", config: CONFIG, dataDir: "/var/lib/zephyrgate" });
  expect(unit).toStartWith(MARK);
  expect(page).toContain(`\`\`\`ini\n${unit}\`\`\``);
});

test("the rules for radios' names are lines of matches and assignments, jump to a label that is there, and touch USB serial ports only", () => {
  const rules = UDEV_TEXT.split("\n").filter((each) => each !== "" && !each.startsWith("#"));
  const word = /^(?:ACTION|SUBSYSTEM|ENV\{[A-Z_]+\}|SYMLINK|GOTO|LABEL)(?:==|!=|\+=|=)"[^"]+"$/;
  for (const rule of rules) for (const part of rule.split(", ")) expect(part).toMatch(word);
  expect(rules.slice(1, 4).map((rule) => rule.split(", ")[0])).toEqual([
    'SUBSYSTEM!="tty"',
    'ENV{ID_BUS}!="usb"',
    expect.stringMatching(/ID_VENDOR_ID\}!=/),
  ]);
  expect(rules.at(-1)).toBe('LABEL="zephyrgate_end"');
});

const analyze = Bun.which("systemd-analyze");
function analyzed(...argv: string[]) {
  const ended = Bun.spawnSync([analyze ?? "", ...argv], { stdout: "pipe", stderr: "pipe", env: { PATH: process.env.PATH ?? "" } });
  return { code: ended.exitCode, stdout: ended.stdout.toString(), stderr: ended.stderr.toString() };
}
// `security --offline` came with systemd 250.
const canJudge = analyze !== null && analyzed("--help").stdout.includes("--offline");
if (!canJudge) console.warn("skipped: systemd verifies the unit (systemd-analyze of systemd 250 or newer is missing; Debian: systemd)");

test.skipIf(!canJudge)("systemd verifies the unit without a word, and finds its exposure under 3", async () => {
  write(CONFIG, "data_dir: /srv/mesh\n");
  expect(await install()).toMatchObject({ code: 0 });
  const unit = join(root, UNIT_PATH);
  expect(analyzed("verify", "--man=no", unit)).toEqual({ code: 0, stdout: "", stderr: "" });
  const judged = analyzed("security", "--offline=true", "--no-pager", unit);
  const exposure = /Overall exposure level for \S+: (\d+\.\d+)/.exec(judged.stdout)?.[1];
  expect(Number(exposure)).toBeLessThan(3);
  // The check sees what is wrong: without this the two lines above would show nothing.
  writeFileSync(unit, read(UNIT_PATH).replace("RestrictRealtime=yes", "RestrictRealtme=yes").replace("/usr/bin/true", "/nowhere"));
  expect(analyzed("verify", "--man=no", unit).stderr).toMatch(/RestrictRealtme(?:.|\n)*\/nowhere/);
});

const sysusers = Bun.which("systemd-sysusers");
if (sysusers === null) console.warn("skipped: systemd makes the user (systemd-sysusers is missing; Debian: systemd)");

test.skipIf(sysusers === null)("systemd makes the user in the group of serial ports", async () => {
  expect(await install()).toMatchObject({ code: 0 });
  write("/etc/group", "dialout:x:20:\n");
  write("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n");
  const made = Bun.spawnSync([sysusers ?? "", `--root=${root}`, "--dry-run"], { stdout: "pipe", stderr: "pipe" });
  expect([made.exitCode, `${made.stdout}${made.stderr}`]).toEqual([0, expect.stringMatching(/user '?zephyrgate'?/)]);
});
