import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Failures, networkOf } from "../../src/api/access/failures.ts";
import { GatewayError } from "../../src/errors.ts";
import { FakeClock } from "../fake-clock.ts";
import { HASH } from "./fake-control.ts";
import { serve, type Tree, tree } from "./serve.ts";

let api: ReturnType<typeof serve>;
let clock: FakeClock;
const LIVE = { trustedProxies: ["127.0.0.1"] };
beforeEach(() => {
  clock = new FakeClock();
  api = serve({ live: () => LIVE }, { clock });
});
afterEach(() => api.close());

const OWN = { "sec-fetch-site": "same-origin" };
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

async function make(name: string, role: string): Promise<string> {
  const made = await api.call("/api/v1/tokens", { method: "POST", json: { name, role } });
  expect(made.status).toBe(201);
  return (await tree(made)).token as string;
}

function signIn(json: object, headers: Record<string, string> = {}) {
  return fetch(`${api.url}/api/v1/session`, {
    method: "POST",
    headers: { "content-type": "application/json", ...OWN, ...headers },
    body: JSON.stringify(json),
  });
}

const cookieOf = (response: Response) => (response.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
const withCookie = (cookie: string) => api.call("/api/v1/status", { headers: { cookie, ...OWN } });

interface Operation {
  readonly method: string;
  readonly path: string;
  readonly role: string;
}

async function operations(): Promise<Operation[]> {
  const document: Tree = await tree(await api.call("/api/v1/openapi.json"));
  return Object.entries(document.paths as Record<string, Record<string, Tree>>).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      method: method.toUpperCase(),
      path: path.replace("{name}", "hello_world").replace(/\{\w+\}/g, "x1"),
      role: (operation["x-role"] as string | undefined) ?? "open",
    })),
  );
}

describe("roles", () => {
  test("each token meets a refusal at every route above its role, and nothing happens", async () => {
    const tokens = { read: await make("reader", "read"), operate: await make("worker", "operate") };
    const above = { read: ["operate", "admin"], operate: ["admin"] };
    const all = await operations();
    expect(all.length).toBeGreaterThan(45);
    const before = api.calls.length;
    for (const [role, token] of Object.entries(tokens)) {
      for (const { method, path, role: needed } of all) {
        if (!above[role as keyof typeof above].includes(needed)) continue;
        for (const suffix of ["", "?", "/"]) {
          const headers = { ...bearer(token), "content-type": "application/json", "x-http-method-override": "GET" };
          const answer = await fetch(`${api.url}${path}${suffix}`, { method, headers, ...(method === "GET" ? {} : { body: "{}" }) });
          expect([method, path, suffix === "/" ? answer.status >= 400 : answer.status]).toEqual([
            method,
            path,
            suffix === "/" ? true : 403,
          ]);
        }
      }
    }
    expect(api.calls.length).toBe(before);
  });

  test("every route but the open ones wants somebody; nothing that changes anything is open to readers", async () => {
    const all = await operations();
    const open = all.filter(({ role }) => role === "open").map(({ method, path }) => `${method} ${path}`);
    expect(open.sort()).toEqual(["GET /api/v1/session", "GET /health/live", "GET /health/ready", "POST /api/v1/session"]);
    const changing = all.filter(({ method, role }) => method !== "GET" && (role === "read" || role === "open"));
    expect(changing.map(({ method, path }) => `${method} ${path}`).sort()).toEqual([
      "DELETE /api/v1/session",
      "POST /api/v1/permissions/explain",
      "POST /api/v1/session",
    ]);
    for (const { method, path, role } of all) {
      if (role === "open") continue;
      const answer = await fetch(`${api.url}${path}`, { method });
      expect([method, path, answer.status]).toEqual([method, path, 401]);
    }
    const secret = all.filter(({ method, role }) => method === "GET" && role !== "read" && role !== "open").map(({ path }) => path);
    expect(secret.sort()).toEqual([
      "/api/v1/backups/hello_world",
      "/api/v1/config",
      "/api/v1/plugins/hello_world/config",
      "/api/v1/plugins/hello_world/export",
      "/api/v1/plugins/hello_world/recording",
      "/api/v1/plugins/hello_world/recording/export",
      "/api/v1/tokens",
    ]);
  });

  test("what a role may do, it can do; to accept permissions is the admin's", async () => {
    const [reader, worker] = [await make("prometheus", "read"), await make("worker", "operate")];
    expect((await fetch(`${api.url}/metrics`, { headers: bearer(reader) })).status).toBe(200);
    const enable = (json: object) =>
      fetch(`${api.url}/api/v1/plugins/waiting/enable`, {
        method: "POST",
        headers: { ...bearer(worker), "content-type": "application/json" },
        body: JSON.stringify(json),
      });
    expect((await enable({ accept: HASH })).status).toBe(403);
    expect((await enable({})).status).toBeLessThan(300);
    expect(api.calls.at(-1)).toMatchObject({ what: "enable", args: ["waiting", undefined, { via: "api", token: "worker" }] });
    const refused = await fetch(`${api.url}/api/v1/messages`, { method: "POST", headers: bearer(reader) });
    expect(await tree(refused)).toMatchObject({
      code: "permission_denied",
      detail: "this needs the role operate; prometheus has the role read",
    });
  });
});

describe("tokens", () => {
  test("are shown once and kept as a hash only", async () => {
    const token = await make("grafana", "read");
    expect(token).toMatch(/^zg_[\w-]{43}$/);
    const list = await tree(await api.call("/api/v1/tokens"));
    expect(list.items.map(({ name, role }: Tree) => [name, role])).toEqual([
      ["api-token", "admin"],
      ["grafana", "read"],
    ]);
    expect(JSON.stringify(list)).not.toContain(token.slice(3, 20));
    for (const file of readdirSync(api.dataDir)) {
      if (file !== "api-token") expect([file, readFileSync(join(api.dataDir, file)).includes(token.slice(3))]).toEqual([file, false]);
    }
    expect(api.audited).toEqual(["token_created api 127.0.0.1 api-token: grafana (read)"]);
  });

  test("bad names, doubles, and the gateway's own are refused with words", async () => {
    await make("grafana", "read");
    for (const [json, status] of [
      [{ name: "grafana", role: "admin" }, 409],
      [{ name: "api-token", role: "read" }, 400],
      [{ name: "password", role: "read" }, 400],
      [{ name: "Grafana", role: "read" }, 422],
      [{ name: "../x", role: "read" }, 422],
      [{ name: "x", role: "root" }, 422],
      [{ name: "x" }, 422],
    ] as const) {
      expect([json, (await api.call("/api/v1/tokens", { method: "POST", json })).status]).toEqual([json, status]);
    }
    for (let i = 0; i < 63; i++) await make(`t${i}`, "read");
    expect((await api.call("/api/v1/tokens", { method: "POST", json: { name: "more", role: "read" } })).status).toBe(413);
    expect((await api.call("/api/v1/tokens/api-token", { method: "DELETE" })).status).toBe(409);
    expect((await api.call("/api/v1/tokens/nobody", { method: "DELETE" })).status).toBe(404);
  });

  test("a revoked or rotated one ends at once, also in an open event stream and in the sessions it opened", async () => {
    for (const [name, end] of [
      ["revoked", { method: "DELETE", path: "/api/v1/tokens/revoked" }],
      ["rotated", { method: "POST", path: "/api/v1/tokens/rotated/rotate" }],
    ] as const) {
      const token = await make(name, "read");
      const cookie = cookieOf(await signIn({ token }));
      const streams = await Promise.all([
        fetch(`${api.url}/api/v1/events`, { headers: bearer(token) }),
        fetch(`${api.url}/api/v1/events`, { headers: { cookie, ...OWN } }),
      ]);
      const other = await api.call("/api/v1/events");
      expect((await withCookie(cookie)).status).toBe(200);
      expect((await api.call(end.path, { method: end.method })).status).toBeLessThan(300);
      // Each stream ends by itself: `text` would wait for ever otherwise.
      for (const stream of streams) expect(await stream.text()).toStartWith("retry:");
      api.events.emit("alert", { code: "c", message: "still heard by the other" });
      const reader = other.body?.pipeThrough(new TextDecoderStream()).getReader();
      let heard = "";
      while (!heard.includes("still heard")) heard += (await reader?.read())?.value ?? "still heard: ended";
      expect(heard).not.toContain("ended");
      await reader?.cancel();
      expect((await withCookie(cookie)).status).toBe(401);
      expect([401, 429]).toContain((await fetch(`${api.url}/metrics`, { headers: bearer(token) })).status);
    }
  });

  test("the one in the data folder is rotated, too", async () => {
    const rotated = await tree(await api.call("/api/v1/tokens/api-token/rotate", { method: "POST" }));
    expect(readFileSync(join(api.dataDir, "api-token"), "utf8").trim()).toBe(rotated.token);
    expect((await api.call("/metrics")).status).toBe(401);
    expect((await fetch(`${api.url}/metrics`, { headers: bearer(rotated.token) })).status).toBe(200);
  });
});

describe("sessions", () => {
  test("last over a restart, but not longer than what opened them", async () => {
    const token = await make("page", "operate");
    const [kept, byFile, revoked] = [await signIn({ token }), await signIn({ token: api.token }), await make("gone", "read")].map((made) =>
      made instanceof Response ? cookieOf(made) : made,
    );
    const lost = cookieOf(await signIn({ token: revoked }));
    await api.call("/api/v1/tokens/gone", { method: "DELETE" });
    await api.end();
    // The operator replaced the file while the gateway was down.
    writeFileSync(join(api.dataDir, "api-token"), `${"B".repeat(43)}\n`);
    api = serve({ dataDir: api.dataDir }, { clock });
    expect((await withCookie(kept ?? "")).status).toBe(200);
    const who = await tree(await api.call("/api/v1/session", { headers: { cookie: kept ?? "", ...OWN } }));
    expect(who).toEqual({ signed_in: true, name: "page", role: "operate", password: false });
    for (const cookie of [byFile, lost]) expect((await withCookie(cookie ?? "")).status).toBe(401);
    await clock.advance(12 * 3_600_000 + 1);
    expect((await withCookie(kept ?? "")).status).toBe(401);
  });

  test("cannot be planted: signing in makes a new one and ends the one that the browser came with", async () => {
    const attacker = cookieOf(await signIn({ token: await make("attacker", "read") }));
    const name = attacker.split("=")[0] ?? "";
    for (const planted of [attacker, `${name}=${"A".repeat(43)}`, `${attacker}; ${name}=mine`, `${name}=; ${attacker}`]) {
      const response = await signIn({ token: api.token }, { cookie: planted });
      expect(response.status).toBe(204);
      expect(planted).not.toContain(cookieOf(response).split("=")[1] ?? "");
      expect((await withCookie(cookieOf(response))).status).toBe(200);
    }
    expect((await withCookie(attacker)).status).toBe(401);
    const elsewhere = await signIn({ token: api.token }, { "sec-fetch-site": "cross-site" });
    expect([elsewhere.status, elsewhere.headers.get("set-cookie")]).toEqual([403, null]);
  });

  test("of one token push nobody else's out", async () => {
    const own = cookieOf(await signIn({ token: api.token }));
    const token = await make("flood", "read");
    const first = cookieOf(await signIn({ token }));
    for (let i = 0; i < 16; i++) await signIn({ token });
    expect((await withCookie(first)).status).toBe(401);
    expect((await withCookie(own)).status).toBe(200);
    const list = await tree(await api.call("/api/v1/tokens"));
    expect(list.items.map(({ sessions }: Tree) => sessions)).toEqual([1, 16]);
  });

  test("a stream ends with the session that opened it", async () => {
    const cookie = cookieOf(await signIn({ token: api.token }));
    const stream = await fetch(`${api.url}/api/v1/events`, { headers: { cookie, ...OWN } });
    await fetch(`${api.url}/api/v1/session`, { method: "DELETE", headers: { cookie, ...OWN } });
    expect(await stream.text()).toStartWith("retry:");
    const again = cookieOf(await signIn({ token: api.token }));
    const late = await fetch(`${api.url}/api/v1/events`, { headers: { cookie: again, ...OWN } });
    await clock.advance(12 * 3_600_000 + 20_000);
    expect(await late.text()).toStartWith("retry:");
  });

  test("a page that is loaded without a session, or with an old one, is no failed sign-in", async () => {
    const cookie = cookieOf(await signIn({ token: api.token }));
    const before = api.log.book.tail({ level: "warn" }, 100).length;
    for (let i = 0; i < 50; i++) expect((await fetch(`${api.url}/api/v1/status`)).status).toBe(401);
    for (let i = 0; i < 50; i++) expect((await withCookie(`${cookie.split("=")[0]}=old`)).status).toBe(401);
    expect(await tree(await fetch(`${api.url}/api/v1/session`))).toEqual({ signed_in: false, password: false });
    expect(api.log.book.tail({ level: "warn" }, 100).length).toBe(before);
    expect((await signIn({ token: "wrong" })).status).toBe(401);
    expect(api.log.book.tail({ level: "warn" }, 100).at(-1)?.message).toBe("a sign-in to the API failed");
  });
});

describe("the password", () => {
  const from = (address: string) => ({ "x-forwarded-for": address });
  const password = "four words are enough";
  const put = (value: string) => api.call("/api/v1/password", { method: "PUT", json: { password: value } });

  test("signs in as an admin once it is set; setting another one signs out whoever used it", async () => {
    expect((await signIn({ password })).status).toBe(409);
    expect((await put("short")).status).toBe(400);
    expect((await put(password)).status).toBe(204);
    expect(readFileSync(join(api.dataDir, "gateway.db-wal")).includes(password)).toBe(false);
    const cookie = cookieOf(await signIn({ password }));
    const who = await tree(await api.call("/api/v1/session", { headers: { cookie, ...OWN } }));
    expect(who).toEqual({ signed_in: true, name: "password", role: "admin", password: true });
    expect((await fetch(`${api.url}/api/v1/status`, { headers: bearer(password) })).status).toBe(401);
    await put("another four words");
    expect((await withCookie(cookie)).status).toBe(401);
    expect((await signIn({ password })).status).toBe(401);
    expect((await api.call("/api/v1/password", { method: "DELETE" })).status).toBe(204);
    expect((await signIn({ password: "another four words" })).status).toBe(409);
    expect(JSON.stringify(api.audited)).not.toContain("words");
  });

  test("guessing is slowed down by address, and cannot lock the operator out", async () => {
    await put(password);
    const signedIn = cookieOf(await signIn({ password }, from("198.51.100.7")));
    const statuses = [];
    for (let i = 0; i < 8; i++) statuses.push((await signIn({ password: `guess ${i}` }, from("198.51.100.7"))).status);
    expect(statuses).toEqual([401, 401, 401, 401, 401, 429, 429, 429]);
    // Even the right one waits there, so that the answer tells the attacker nothing.
    const right = await signIn({ password }, from("198.51.100.7"));
    expect([right.status, Number(right.headers.get("retry-after"))]).toEqual([429, 5]);
    // The operator behind the same address: signed in already, by token, or from elsewhere.
    expect((await withCookie(signedIn)).status).toBe(200);
    expect((await signIn({ password }, from("198.51.100.8"))).status).toBe(204);
    expect((await signIn({ token: api.token }, from("198.51.100.7"))).status).toBe(204);
    // That forgave the address; after more failures the wait grows, and ends.
    for (let i = 0; i < 5; i++) await signIn({ password: "guess" }, from("198.51.100.7"));
    await clock.advance(5_000);
    expect((await signIn({ password: "guess" }, from("198.51.100.7"))).status).toBe(401);
    expect(Number((await signIn({ password }, from("198.51.100.7"))).headers.get("retry-after"))).toBe(10);
    await clock.advance(10_000);
    expect((await signIn({ password }, from("198.51.100.7"))).status).toBe(204);
  });

  test("many guesses at once are checked one after the other, and only a few wait", async () => {
    await put(password);
    const guesses = Array.from({ length: 40 }, (_, i) => signIn({ password: "guess" }, from(`198.51.100.${i + 1}`)));
    const statuses = (await Promise.all(guesses)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 429).length).toBeGreaterThan(0);
    expect(statuses.filter((status) => status === 401).length).toBeGreaterThan(0);
    expect((await signIn({ password }, from("203.0.113.1"))).status).toBe(204);
  });
});

test("on a full disk the operator still gets in, and a token that cannot be kept is not handed out", async () => {
  const full = () => {
    throw new GatewayError("unavailable", "the disk is full");
  };
  const token = await make("kept", "read");
  Object.assign(api.access, { addSession: full, removeSession: full, saveToken: full, removeToken: full, savePassword: full });
  const cookie = cookieOf(await signIn({ token: api.token }));
  expect((await withCookie(cookie)).status).toBe(200);
  expect((await fetch(`${api.url}/metrics`, { headers: bearer(token) })).status).toBe(200);
  const made = await api.call("/api/v1/tokens", { method: "POST", json: { name: "lost", role: "admin" } });
  expect([made.status, (await tree(made)).detail]).toEqual([503, "the token could not be stored: the disk is full"]);
  const revoked = await api.call("/api/v1/tokens/kept", { method: "DELETE" });
  expect([revoked.status, (await tree(revoked)).detail]).toEqual([503, expect.stringContaining("is refused until the next start")]);
  // It was not stored, and is refused all the same.
  expect((await fetch(`${api.url}/metrics`, { headers: bearer(token) })).status).toBe(401);
});

test("failures are kept for a bounded number of addresses; an IPv6 network counts as one", () => {
  const failures = new Failures(clock);
  for (let i = 0; i < 5000; i++) failures.add(`10.${i >> 8}.${i & 255}.1`);
  expect(failures.size).toBe(1024);
  for (let i = 0; i < 6; i++) failures.add(`2001:db8:1:2::${i.toString(16)}`);
  expect(failures.wait("2001:db8:1:2:ffff::1")).toBeGreaterThan(0);
  expect(failures.wait("2001:db8:1:3::1")).toBe(0);
  expect([networkOf("::1"), networkOf("::ffff:10.0.0.1"), networkOf("fe80::1%eth0"), networkOf("unknown")]).toEqual([
    "0:0:0:0::/64",
    "10.0.0.1",
    "fe80:0:0:0::/64",
    "unknown",
  ]);
});
