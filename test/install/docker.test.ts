import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";
import { Gateway, PATIENCE_MS } from "../gateway/harness.ts";

const ROOT = join(import.meta.dir, "../..");
const SCRIPT = join(ROOT, "docs/docker/health");
const text = (path: string) => readFileSync(join(ROOT, path), "utf8");

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "docker-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function health(dataDir: string): Promise<{ code: number; said: string }> {
  const child = Bun.spawn([SCRIPT], {
    env: { PATH: process.env.PATH ?? "", ZEPHYRGATE_DATA_DIR: dataDir },
    stdout: "pipe",
    stderr: "pipe",
  });
  const [said, errors] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text(), child.exited]);
  expect(errors).toBe("");
  return { code: child.exitCode ?? -1, said: said.trim() };
}

function at(address: string): string {
  writeFileSync(join(folder, "api-address"), `${address}\n`);
  return folder;
}

describe("the health check of the image", () => {
  test(
    "is green while a real gateway is ready, red when it hangs or is dead",
    async () => {
      const gateway = await Gateway.start();
      const data = join(gateway.dir, "data");
      try {
        expect(await health(data)).toEqual({ code: 0, said: "ready" });
        gateway.process.kill("SIGSTOP");
        expect(await health(data)).toEqual({ code: 1, said: `the gateway at http://127.0.0.1:${gateway.port} does not answer` });
        gateway.process.kill("SIGCONT");
      } finally {
        await gateway.end("SIGKILL");
      }
      expect(await health(data)).toEqual({ code: 1, said: `no gateway runs at http://127.0.0.1:${gateway.port}` });
      rmSync(gateway.dir, { recursive: true, force: true });
    },
    3 * PATIENCE_MS,
  );

  test("is red before the first start, and while the gateway is not ready", async () => {
    expect(await health(join(folder, "nowhere"))).toEqual({ code: 1, said: "no gateway has run here" });
    const server = Bun.serve({ port: 0, hostname: "0.0.0.0", fetch: () => new Response("starting", { status: 503 }) });
    const address = `http://0.0.0.0:${server.port}`;
    expect(await health(at(address))).toEqual({ code: 1, said: `the gateway at ${address} answers 503: it is not ready` });
    await server.stop(true);
  });

  test("finds an address of IPv6, and takes a connection for an answer where the shell cannot read it", async () => {
    const server = Bun.serve({ port: 0, hostname: "::1", fetch: () => new Response("") });
    expect(await health(at(`http://[::1]:${server.port}`))).toEqual({ code: 0, said: "ready" });
    expect((await health(at(`https://[::1]:${server.port}`))).code).toBe(0);
    await server.stop(true);
    expect((await health(at(`https://[::1]:${server.port}`))).code).toBe(1);
  });

  test("is in the image, which fetches packages in a layer of their own", () => {
    const image = text("Dockerfile");
    expect(image).toContain("COPY docs/docker/health /usr/local/bin/zephyrgate-health\n");
    expect(image).toMatch(/^HEALTHCHECK .*CMD \["zephyrgate-health"\]$/m);
    expect(statSync(SCRIPT).mode & 0o111).toBe(0o111);
    expect(image.indexOf("COPY package.json bun.lock")).toBeLessThan(image.indexOf("npm run setup"));
    expect(image.indexOf("npm run setup")).toBeLessThan(image.indexOf("COPY . ."));
  });
});

test("the compose file gives the container a radio, a place for its data and no more rights than it needs", () => {
  const { services, volumes } = parse(text("docs/docker/compose.yaml"));
  const { zephyrgate } = services;
  expect(zephyrgate).toMatchObject({
    restart: "unless-stopped",
    devices: [expect.stringMatching(/^\/dev\/serial\/by-id\/.*:\/dev\/ttyUSB0$/)],
    volumes: ["zephyrgate:/data"],
    cap_drop: ["ALL"],
    security_opt: ["no-new-privileges:true"],
  });
  // The API is published on loopback only.
  for (const port of zephyrgate.ports) expect(port).toStartWith("127.0.0.1:");
  expect(Object.keys(volumes)).toEqual(["zephyrgate"]);
  expect(zephyrgate.privileged).toBeUndefined();
});
