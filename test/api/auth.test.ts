import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hostAllowed } from "../../src/api/access/gate.ts";
import { ensureToken, readToken, tokenPath } from "../../src/api/access/token.ts";
import { startApi } from "../../src/api/server.ts";
import { systemClock, systemRandom } from "../../src/clock.ts";
import { serve } from "./serve.ts";

let api: ReturnType<typeof serve>;
beforeAll(() => {
  api = serve();
});
afterAll(() => api.close());

describe("who may speak", () => {
  test("all but health and sign-in wants the token", async () => {
    for (const path of ["/metrics", "/api/v1/plugins", "/api/v1/openapi.json", "/api/v1/events", "/api/v1/status"]) {
      for (const authorization of ["", "Bearer wrong", "Bearer ", `Basic ${api.token}`, `Bearer ${api.token}x`]) {
        const response = await fetch(`${api.url}${path}`, { headers: authorization === "" ? {} : { authorization } });
        expect([401, 429]).toContain(response.status);
        expect(response.headers.get("content-type")).toBe("application/problem+json");
      }
    }
    for (const path of ["/health/live", "/health/ready"]) expect((await fetch(`${api.url}${path}`)).status).toBe(200);
  });

  test("failures are slowed down, the right token never", async () => {
    let last: Response | null = null;
    for (let i = 0; i < 30; i++) last = await fetch(`${api.url}/api/v1/plugins`, { headers: { authorization: "Bearer wrong" } });
    expect(last?.status).toBe(429);
    expect(Number(last?.headers.get("retry-after"))).toBeGreaterThan(0);
    expect((await api.call("/api/v1/plugins")).status).toBe(200);
  });

  test("a foreign Host is refused before anything else", async () => {
    const response = await api.call("/health/live", { headers: { host: "evil.example:8080" } });
    expect([response.status, (await response.json()) as unknown]).toMatchObject([403, { code: "permission_denied" }]);
    const allowed = ["localhost", "LOCALHOST:8080", "127.0.0.1:1", "127.8.8.8", "[::1]:8080", "gateway.lan:80"];
    for (const host of allowed) expect([host, hostAllowed(host, "gateway.lan")]).toEqual([host, true]);
    const refused = [
      null,
      "",
      "evil",
      "localhost.evil",
      "127.0.0.1.evil",
      "192.168.1.2",
      "[::2]",
      "localhost:8080:1",
      "a b",
      "gateway.lan.evil",
    ];
    for (const host of refused) expect([host, hostAllowed(host, "gateway.lan")]).toEqual([host, false]);
    expect([hostAllowed("192.168.1.2:80", "0.0.0.0"), hostAllowed("[fd00::1]", "::"), hostAllowed("evil.example", "0.0.0.0")]).toEqual([
      true,
      true,
      false,
    ]);
  });
});

describe("the page's session", () => {
  async function signIn(): Promise<string> {
    const response = await fetch(`${api.url}/api/v1/session`, {
      method: "POST",
      headers: { "content-type": "application/json", "sec-fetch-site": "same-origin" },
      body: JSON.stringify({ token: api.token }),
    });
    expect(response.status).toBe(204);
    const cookie = response.headers.get("set-cookie") ?? "";
    for (const part of ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=43200"]) expect(cookie).toContain(part);
    expect(cookie).not.toContain(api.token);
    return cookie.split(";")[0] ?? "";
  }
  const ask = (cookie: string, method: string, headers: Record<string, string>) =>
    fetch(`${api.url}/api/v1/plugins${method === "GET" ? "" : "/hello_world/restart"}`, { method, headers: { cookie, ...headers } });

  test("counts only for requests of our own page", async () => {
    const cookie = await signIn();
    expect((await ask(cookie, "GET", { "sec-fetch-site": "same-origin" })).status).toBe(200);
    expect((await ask(cookie, "POST", { "sec-fetch-site": "same-origin" })).status).toBe(200);
    expect((await ask(cookie, "POST", { origin: api.url })).status).toBe(200);
    expect(api.calls.at(-1)?.args.at(-1)).toEqual({ via: "page", address: "127.0.0.1", token: "api-token" });
    const refused: [string, Record<string, string>][] = [
      ["POST", {}],
      ["POST", { "sec-fetch-site": "none" }],
      ["POST", { "sec-fetch-site": "same-site" }],
      ["POST", { "sec-fetch-site": "cross-site", origin: api.url }],
      ["POST", { origin: "http://evil.example" }],
      ["POST", { origin: "null" }],
      ["GET", { "sec-fetch-site": "cross-site" }],
    ];
    for (const [method, headers] of refused) expect([headers, (await ask(cookie, method, headers)).status]).toEqual([headers, 403]);
  });

  test("ends by signing out; a made-up one is none", async () => {
    const cookie = await signIn();
    const own = { "sec-fetch-site": "same-origin" };
    const out = await fetch(`${api.url}/api/v1/session`, { method: "DELETE", headers: { cookie, ...own } });
    expect([out.status, out.headers.get("set-cookie")?.includes("Max-Age=0")]).toEqual([204, true]);
    expect([401, 429]).toContain((await ask(cookie, "GET", own)).status);
    expect([401, 429]).toContain((await ask(`${cookie.split("=")[0]}=${"A".repeat(43)}`, "GET", own)).status);
    const wrong = await fetch(`${api.url}/api/v1/session`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: '{"token":"x"}',
    });
    expect([401, 429]).toContain(wrong.status);
  });
});

describe("the token file", () => {
  test("is made once, mode 0600, corrected when wider, never through a symlink, never over rubbish", () => {
    const folder = mkdtempSync(join(tmpdir(), "token-"));
    try {
      expect(readToken(folder)).toMatchObject({ ok: false, error: { code: "not_found" } });
      const first = ensureToken(folder, systemRandom);
      expect(first).toMatchObject({ ok: true });
      expect(ensureToken(folder, systemRandom)).toEqual(first);
      expect(statSync(tokenPath(folder)).mode & 0o777).toBe(0o600);
      chmodSync(tokenPath(folder), 0o644);
      expect(readToken(folder)).toEqual(first);
      expect(statSync(tokenPath(folder)).mode & 0o777).toBe(0o600);
      writeFileSync(tokenPath(folder), "rubbish");
      expect(ensureToken(folder, systemRandom)).toMatchObject({ ok: false, error: { code: "conflict" } });
      expect(readFileSync(tokenPath(folder), "utf8")).toBe("rubbish");
      rmSync(tokenPath(folder));
      symlinkSync("/dev/null", tokenPath(folder));
      expect(ensureToken(folder, systemRandom).ok).toBe(false);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("a port in use and a folder that is not there are one clear line each", () => {
    const deps = { clock: systemClock, random: systemRandom, log: api.log.logger, access: api.access, audit: () => undefined };
    const taken = startApi({ host: "127.0.0.1", port: api.port, dataDir: api.dataDir }, api.control, deps);
    expect(taken.ok ? "" : taken.error.summary()).toStartWith(`port ${api.port} on 127.0.0.1 is in use (`);
    const nowhere = startApi({ host: "127.0.0.1", port: 0, dataDir: "/proc/nowhere" }, api.control, deps);
    expect(nowhere).toMatchObject({ ok: false, error: { code: "data_unusable" } });
    const foreign = startApi({ host: "192.0.2.1", port: 0, dataDir: api.dataDir }, api.control, deps);
    expect(foreign).toMatchObject({ ok: false, error: { hint: "api.host must be an address of this machine" } });
  });
});
