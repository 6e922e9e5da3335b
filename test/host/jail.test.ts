import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import type { FileWallBuilder } from "../../src/bridge/launch.ts";
import type { Outcome } from "./jail/attempts.ts";
import { BUILDERS } from "./jail/builders.ts";
import type { Order } from "./jail/entry.ts";
import { endHost, launchTest, order, reply } from "./jail/host.ts";

const linux = process.platform === "linux";
const folder = mkdtempSync(`${tmpdir()}/zephyrgate-jail-`);
const databases = `${folder}/databases`;
const homeSecret = `${homedir()}/.zephyrgate-jail-test-${process.pid}`;
const dataSecret = `${folder}/secret`;

beforeAll(() => {
  mkdirSync(databases);
  for (const path of [homeSecret, dataSecret]) writeFileSync(path, "secret");
  chmodSync(dataSecret, 0o644);
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
  rmSync(homeSecret, { force: true });
});

async function ask(builder: FileWallBuilder, what: Order): Promise<unknown> {
  const host = await launchTest(databases, { fileWalls: [builder] });
  try {
    const answer = reply(host);
    order(host, what);
    return await answer;
  } finally {
    await endHost(host);
  }
}

describe.if(linux).each([...BUILDERS])("inside the jailed host process, its files walled off by %s", (builder) => {
  test("nothing that it was not granted can be done", async () => {
    const socket = { data() {} };
    const tcp = Bun.listen({ hostname: "127.0.0.1", port: 0, socket });
    const unixSocket = `${databases}/gateway.socket`;
    const unix = Bun.listen({ unix: unixSocket, socket });
    const abstractSocket = `\0zephyrgate-jail-${process.pid}`;
    const abstract = Bun.listen({ unix: abstractSocket, socket });
    const around = {
      gateway: process.pid,
      secrets: [dataSecret, homeSecret],
      dataFolder: folder,
      databases,
      tcpPort: tcp.port,
      unixSocket,
      abstractSocket,
      self: [process.execPath, "--version"],
      builder,
    };
    try {
      const outcomes = (await ask(builder, { task: "attempts", around })) as Outcome[];
      expect(outcomes.filter((one) => !one.refused)).toEqual([]);
      expect(outcomes.length).toBeGreaterThan(150);
    } finally {
      tcp.stop(true);
      unix.stop(true);
      abstract.stop(true);
    }
  }, 120_000);

  test("what a host must do works", async () => {
    const outcomes = (await ask(builder, { task: "work", databases })) as Outcome[];
    expect(outcomes.filter((one) => one.refused)).toEqual([]);
    expect(outcomes.length).toBeGreaterThan(10);
  }, 120_000);

  test("it holds no descriptor but its own", async () => {
    const held = (await ask(builder, { task: "descriptors" })) as string[];
    const targets = new Map(held.map((one) => [Number(one.split(" ")[0]), one.slice(one.indexOf(" ") + 1)]));
    const given = [0, 1, 2, 3, 4, 5].map((fd) => targets.get(fd) ?? "");
    // Bun's event loop, its copy of what it reads, and the listing itself.
    const strange = [...targets.values()].filter(
      (one) => !given.includes(one) && !/^anon_inode:\[event(fd|poll)\]$|^\/proc\/\d+\/fd$/.test(one),
    );
    expect(strange).toEqual([]);
    expect(held.filter((one) => /^[0-5] /.test(one)).map((one) => one.replace(/\d+\]/, "]"))).toEqual([
      "0 /dev/null",
      expect.stringMatching(/^1 (socket|pipe):/),
      expect.stringMatching(/^2 (socket|pipe):/),
      "3 pipe:[]",
      "4 pipe:[]",
      "5 /memfd:zephyrgate-page (deleted)",
    ]);
  }, 120_000);

  test.if(process.arch === "x64")(
    "a system call of another architecture ends it",
    async () => {
      const host = await launchTest(databases, { fileWalls: [builder] });
      order(host, { task: "foreign" });
      await host.process.exited;
      expect(host.process.signalCode).toBe("SIGSYS");
      await endHost(host);
    },
    60_000,
  );
});

test.if(linux)("a limit that the kernel refuses leaves the others in force", async () => {
  const child = Bun.spawn([process.execPath, `${import.meta.dir}/jail/limits.ts`], { stdout: "pipe", stderr: "inherit" });
  const { problem, limits }: { problem: string; limits: string } = JSON.parse(await new Response(child.stdout).text());
  expect(problem).toBe("oom_score_adj: refused");
  expect(limits).toMatch(/^Max core file size +0 +0 /m);
  expect(limits).toMatch(/^Max open files +64 +64 /m);
  expect(limits).toMatch(/^Max file size +1048576 +1048576 /m);
});
