import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock, systemRandom } from "../../src/clock.ts";
import { SimulatedMesh } from "../../src/mesh/simulator/mesh.ts";
import type { HeardText } from "../../src/mesh/simulator/texts.ts";
import { serveStream } from "../../src/mesh/stream-server/serve.ts";
import { HAS_NAMESPACES } from "../host/jail/builders.ts";
import { Pty } from "../mesh/pty.ts";
import { build } from "./build.ts";
import { answering, descendantsOf, freePort, Gateway, prepare, runProgram, tempDir } from "./harness.ts";

const dir = tempDir();
const binary = join(dir, "zephyrgate");
const meshes: SimulatedMesh[] = [];

beforeAll(async () => {
  await build("build", join(dir, "built"));
  // A copy elsewhere under another name: it needs nothing of the place where it was built.
  copyFileSync(join(dir, "built"), binary);
  rmSync(join(dir, "built"));
}, 120_000);

afterAll(() => {
  for (const mesh of meshes) mesh.stop();
  rmSync(dir, { recursive: true, force: true });
});

test.if(HAS_NAMESPACES)(
  "on a kernel without Landlock it builds the file wall itself, for plugin hosts and for the bundler",
  async () => {
    const hide = [process.execPath, join(import.meta.dir, "../host/jail/hide.ts"), "landlock"];
    const folder = tempDir();
    prepare(folder, { plugins: { good: answering("good", "well") }, spacingS: 0.1 });
    const gateway = await Gateway.start({ dir: folder, command: [...hide, binary] });
    expect((await gateway.ask("good", /./)).text).toBe("well");
    expect(gateway.lines(/WARN .*wall/)).toEqual([]);
    const [host] = descendantsOf(gateway.process.pid);
    const mounts = readFileSync(`/proc/${host}/mountinfo`, "utf8")
      .split("\n")
      .map((line) => line.split(" ")[4] ?? "");
    expect(mounts).toContain("/");
    expect(mounts).toContain("/proc/self");
    expect(mounts.filter((path) => /^\/(?:etc|home|root|sys|tmp)$/.test(path))).toEqual([]);
    await gateway.stop();
  },
  60_000,
);

function newMesh(): SimulatedMesh {
  const mesh = new SimulatedMesh({ nodes: 3, clock: systemClock, random: systemRandom });
  meshes.push(mesh);
  return mesh;
}

function heardBy(mesh: SimulatedMesh): HeardText[] {
  const heard: HeardText[] = [];
  mesh.onHeard((text) => heard.push(text));
  return heard;
}

/** The node's stream behind a pseudo-terminal, as if it were plugged in. */
function plug(mesh: SimulatedMesh, pty: Pty): void {
  const attached = mesh.attach({ bytes: (bytes) => void pty.write(Uint8Array.from(bytes)), hangUp: () => {} });
  if (!attached.ok) throw attached.error;
  pty.onData = (bytes) => void attached.value.receive(bytes);
}

/** From the simulated node's own ears: what it said is answered over the air. */
async function converses(gateway: Gateway, mesh: SimulatedMesh, link: string): Promise<void> {
  const heard = heardBy(mesh);
  await gateway.until("the link is up", () => gateway.output.includes(`link ${link} is up`), 20_000);
  // What comes without a time right after the configuration may be a radio's backlog, which is not answered.
  await Bun.sleep(1_500);
  const asked = mesh.say({ from: 2, text: "hello" });
  expect(asked.ok).toBe(true);
  await gateway.until("node 2 hears the answer of the plugin on disk", () => heard.length > 0, 20_000);
  expect(heard[0]).toMatchObject({ to: 2, text: "Hello from the disk!", heardBy: [2] });
  mesh.say({ from: 3, text: "ping" });
  await gateway.until("node 3 hears the bundled plugin", () => heard.length > 1, 20_000);
  expect(heard[1]).toMatchObject({ to: 3, heardBy: [3] });
  expect(heard[1]?.text).toStartWith("pong");
}

const plugins = { greeter: answering("hello", "Hello from the disk!") };

test("answers over a serial port", async () => {
  const mesh = newMesh();
  const pty = new Pty();
  plug(mesh, pty);
  const gateway = await Gateway.start({
    command: [binary],
    plugins,
    interfaces: `[{ name: base, type: serial, device: ${JSON.stringify(pty.path)} }]`,
  });
  try {
    await converses(gateway, mesh, "base");
    // The realm lives in a jailed process: this executable once more, with every wall standing.
    const { body } = await gateway.api<{ walls: { stands: boolean }[] }>("GET", "/status");
    expect(body.walls.length).toBeGreaterThan(3);
    expect(body.walls.every((wall) => wall.stands)).toBe(true);
  } finally {
    await gateway.stop();
    pty.dispose();
  }
}, 120_000);

test("answers over TCP", async () => {
  const mesh = newMesh();
  const server = serveStream(mesh, { port: 0 });
  if (!server.ok) throw server.error;
  const gateway = await Gateway.start({
    command: [binary],
    plugins,
    interfaces: `[{ name: roof, type: tcp, host: 127.0.0.1, port: ${server.value.port} }]`,
  });
  try {
    await converses(gateway, mesh, "roof");
  } finally {
    await gateway.stop();
    server.value.stop();
  }
}, 120_000);

test("talks with the mesh that another of its processes serves", async () => {
  const port = freePort();
  const serving = Bun.spawn([binary, "simulate", "serve", "--port", String(port)], { cwd: dir, stdout: "pipe", stderr: "inherit" });
  const gateway = await Gateway.start({ command: [binary], interfaces: `[{ name: roof, type: tcp, host: 127.0.0.1, port: ${port} }]` });
  try {
    await gateway.until("the link is up", () => gateway.output.includes("link roof is up"), 20_000);
    const { status } = await gateway.api("POST", "/messages", { text: "over the air", destination: "!00000003" });
    expect(status).toBe(202);
    await gateway.until("the node has acknowledged it", async () => (await gateway.messages())[0]?.state === "delivered", 20_000);
  } finally {
    await gateway.stop();
    serving.kill();
    expect(await new Response(serving.stdout).text()).toContain("!00000001 to !00000003: over the air");
  }
}, 120_000);

describe("an empty folder", () => {
  test("is enough: a simulated mesh, bundled and example plugins, and the API's address", async () => {
    const gateway = await Gateway.start({ command: [binary], unconfigured: true, env: { ZEPHYRGATE_MESH__TEXT_SPACING_S: "0.1" } });
    try {
      await gateway.until("all is said", () => gateway.output.includes("is up as"));
      expect(gateway.output).toContain("SIMULATED mesh of three nodes");
      expect(gateway.output).toContain(`http://127.0.0.1:${gateway.port}/`);
      expect(gateway.output).toMatch(/plugins .*ping.*hello_world/);
      expect(descendantsOf(gateway.process.pid).length).toBeGreaterThan(0);
      const said = await runProgram(["simulate", "say", "--port", String(gateway.port), "--from", "!00000002", "--wait", "3", "hello"], {
        cwd: gateway.dir,
        command: [binary],
      });
      expect(said).toMatchObject({ code: 0, stdout: "Hello Ridge!\n", stderr: "" });
      await gateway.until("both directions are shown", () => gateway.lines(/-> Ridge \(!00000002\): \(12 characters\)/).length === 1);
      expect(gateway.lines(/<- Ridge \(!00000002\) directly: \(5 characters\)/)).toHaveLength(1);
      // Everything it keeps is in its data folder.
      expect(readdirSync(gateway.dir)).toEqual(["data"]);
    } finally {
      await gateway.stop();
    }
  }, 120_000);

  test("with a hostile .env, bunfig.toml, tsconfig.json and package.json in it changes nothing", async () => {
    const folder = tempDir();
    const spring = `await Bun.write(${JSON.stringify(join(folder, "sprung"))}, "x"); console.log("SPRUNG");\n`;
    prepare(folder, { plugins, spacingS: 0.1 });
    writeFileSync(join(folder, "trap.ts"), spring);
    writeFileSync(
      join(folder, ".env"),
      "ZEPHYRGATE_API__PORT=1\nZEPHYRGATE_NONSENSE=1\nBUN_OPTIONS=--preload=./trap.ts\nHTTP_PROXY=http://127.0.0.1:1\n",
    );
    writeFileSync(
      join(folder, "bunfig.toml"),
      `preload = ["./trap.ts"]\n[run]\npreload = ["./trap.ts"]\n[test]\npreload = ["./trap.ts"]\n`,
    );
    writeFileSync(join(folder, "tsconfig.json"), `{ "compilerOptions": { "paths": { "*": ["./trap.ts"] }, "jsx": "nonsense" } }`);
    writeFileSync(join(folder, "package.json"), `{ "name": "trap", "exports": "./trap.ts", "imports": { "#*": "./trap.ts" } }`);
    mkdirSync(join(folder, "node_modules/zephyrgate"), { recursive: true });
    writeFileSync(join(folder, "node_modules/zephyrgate/index.js"), spring);
    // The binary itself lies in that folder too.
    copyFileSync(binary, join(folder, "zephyrgate"));
    const gateway = await Gateway.start({ command: [join(folder, "zephyrgate")], dir: folder });
    try {
      expect((await gateway.ask("hello", /^Hello/)).text).toBe("Hello from the disk!");
      expect(await gateway.state("greeter")).toBe("running");
      expect(gateway.output).not.toContain("SPRUNG");
      expect(readdirSync(folder)).not.toContain("sprung");
    } finally {
      await gateway.stop();
    }
  }, 120_000);
});

test("does the other verbs too", async () => {
  const run = (...argv: string[]) => runProgram(argv, { cwd: dir, command: [binary] });
  expect(await run("--version")).toMatchObject({ code: 0, stdout: expect.stringMatching(/^zephyrgate \d+\.\d+\.\d+\n$/), stderr: "" });
  expect((await run()).code).toBe(2);
  const doctor = await run("doctor", "--port", String(freePort()));
  expect(doctor.stdout).toContain("wall seccomp: active");
}, 120_000);
