/** The API behind a reverse proxy: names, addresses and paths that a proxy adds, and Debian's nginx and Caddy with the documented files. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { hostAllowed } from "../../src/api/access/gate.ts";
import { Proxies } from "../../src/api/access/proxies.ts";
import { NAME, PROXIES, startProxy } from "./proxies.ts";
import { serve, tree } from "./serve.ts";

for (const { name, program, package: needed } of PROXIES)
  if (program === undefined) console.warn(`skipped: the API behind ${name} (not here; on Debian: apt-get install ${needed})`);

test("allowed hosts are whole names", () => {
  const allowed = (host: string) => hostAllowed(host, "127.0.0.1", [NAME, "fd00::5"]);
  for (const host of [NAME, "Gateway.Example.org:8443", "[fd00::5]:80"]) expect([host, allowed(host)]).toEqual([host, true]);
  for (const host of [`a.${NAME}`, `${NAME}.evil`, "gatewayXexample.org", "[fd00::6]"])
    expect([host, allowed(host)]).toEqual([host, false]);
});

test("only a trusted proxy says whom it asks for", () => {
  const proxies = new Proxies(["127.0.0.1", "10.0.0.0/8", "fd00::/16"]);
  const client = (peer: string, forwarded: string) => proxies.clientOf(new Headers({ "x-forwarded-for": forwarded }), peer);
  expect(client("127.0.0.1", "192.0.2.7")).toBe("192.0.2.7");
  // What the client itself wrote comes first and does not count.
  expect(client("127.0.0.1", "198.51.100.1, 192.0.2.7")).toBe("192.0.2.7");
  expect(client("127.0.0.1", "192.0.2.7, 10.1.2.3, fd00::9")).toBe("192.0.2.7");
  expect(client("::ffff:10.0.0.9", "192.0.2.7")).toBe("192.0.2.7");
  expect(client("192.0.2.1", "198.51.100.1")).toBe("192.0.2.1");
  for (const rubbish of ["", "evil", "192.0.2.7:80", "192.0.2.7,,", "<script>"]) expect(client("127.0.0.1", rubbish)).toBe("127.0.0.1");
  expect(client("127.0.0.1", `192.0.2.7, ${"10.0.0.1, ".repeat(500)}10.0.0.1`)).toBe("10.0.0.1");
  const headers = new Headers({ "x-forwarded-for": "1.1.1.1", "x-forwarded-proto": "https", accept: "a/b" });
  expect(Object.fromEntries(proxies.clean(headers, "192.0.2.1"))).toEqual({ accept: "a/b" });
  expect(proxies.clean(headers, "10.0.0.1")).toBe(headers);
});

test("a stranger's forwarded headers change neither the address nor the scheme", async () => {
  const api = serve();
  const forged = { "x-forwarded-for": "192.0.2.7", "x-forwarded-proto": "https" };
  expect((await api.call("/api/v1/plugins/hello_world/restart", { method: "POST", headers: forged })).status).toBe(200);
  expect(api.calls.at(-1)?.args.at(-1)).toEqual({ via: "api", address: "127.0.0.1", token: "api-token" });
  const signIn = await api.call("/api/v1/session", { method: "POST", headers: forged, json: { token: api.token } });
  expect(signIn.headers.get("set-cookie")).not.toContain("Secure");
  await api.close();
});

test("the base path is served, and the API also without it; the page only below it", async () => {
  const api = serve({ basePath: "/mesh" });
  const status = async (path: string) => (await api.call(path, { redirect: "manual" })).status;
  for (const path of ["/mesh/", "/mesh/page/console.js", "/mesh/api/v1/plugins", "/mesh/health/live", "/api/v1/plugins", "/health/live"])
    expect([path, await status(path)]).toEqual([path, 200]);
  for (const path of ["/", "/page/console.js", "/meshed/", "/mesh/mesh/", "/mesh//api/v1/plugins", "/other/"])
    expect([path, await status(path)]).toEqual([path, 404]);
  const bare = await api.call("/mesh", { redirect: "manual" });
  expect([bare.status, bare.headers.get("location")]).toEqual([308, "/mesh/"]);
  const sent = await api.call("/mesh/api/v1/messages", { method: "POST", json: { text: "hello" } });
  expect(sent.status).toBe(202);
  expect((await tree(await api.call("/mesh/api/v1/openapi.json"))).servers).toEqual([{ url: "/mesh" }]);
  expect((await api.call("/mesh/health/live", { method: "HEAD" })).status).toBe(200);
  await api.close();
});

describe.each(PROXIES.filter(({ program }) => program !== undefined))("behind $name with the documented file", (which) => {
  let api: ReturnType<typeof serve>;
  let proxy: ReturnType<typeof startProxy>;
  beforeAll(async () => {
    api = serve({ live: () => ({ allowedHosts: [NAME], trustedProxies: ["127.0.0.1"] }), basePath: "/mesh/" });
    proxy = startProxy(which, api.port);
    await proxy.up;
  });
  afterAll(async () => {
    await proxy?.stop();
    await api?.close();
  });
  const ask = (path: string, init: RequestInit = {}) => {
    const headers = new Headers({ host: NAME, authorization: `Bearer ${api.token}` });
    for (const [name, value] of new Headers(init.headers)) headers.set(name, value);
    return fetch(`${proxy.url}${path}`, { redirect: "manual", ...init, headers });
  };

  test("page, API and redirect are served under the public name", async () => {
    expect((await ask("/mesh")).status).toBe(308);
    const page = await (await ask("/mesh/")).text();
    for (const [, path = ""] of page.matchAll(/(?:href|src)="([^":]+\.(?:css|js))"/g))
      expect((await ask(`/mesh/${path}`)).status).toBe(200);
    expect(page).toContain("page/console.js");
    expect((await ask("/mesh/api/v1/plugins")).status).toBe(200);
    expect((await ask("/mesh/api/v1/plugins", { headers: { host: "evil.example" } })).status).toBe(403);
  });

  test("the client's own address is known, whatever it claims", async () => {
    const headers = { "x-forwarded-for": "198.51.100.9" };
    expect((await ask("/mesh/api/v1/plugins/ping/restart", { method: "POST", headers })).status).toBe(200);
    expect(api.calls.at(-1)?.args.at(-1)).toEqual({ via: "api", address: which.client, token: "api-token" });
    expect((await ask("/mesh/api/v1/plugins/ping/restart", { method: "POST" })).status).toBe(200);
    expect(api.calls.at(-1)?.args.at(-1)).toEqual({ via: "api", address: "127.0.0.1", token: "api-token" });
  });

  test("a browser signs in under the public name", async () => {
    const headers = { "content-type": "application/json", origin: `http://${NAME}`, "sec-fetch-site": "same-origin" };
    const signedIn = await ask("/mesh/api/v1/session", { method: "POST", headers, body: JSON.stringify({ token: api.token }) });
    const cookie = signedIn.headers.get("set-cookie") ?? "";
    expect(cookie).toContain("Path=/mesh/;");
    const session = { host: NAME, cookie: cookie.split(";")[0] ?? "" };
    const restart = (origin: string) =>
      fetch(`${proxy.url}/mesh/api/v1/plugins/ping/restart`, { method: "POST", headers: { ...session, origin } });
    expect((await restart(`http://${NAME}`)).status).toBe(200);
    expect((await restart("http://evil.example")).status).toBe(403);
  });

  test("events arrive at once, not when a buffer is full", async () => {
    const stream = await ask("/mesh/api/v1/events?types=alert");
    const reader = stream.body?.getReader();
    let seen = "";
    const read = async (wanted: string) => {
      while (!seen.includes(wanted)) {
        const { done, value } = (await reader?.read()) ?? { done: true, value: undefined };
        if (done) throw new Error(`the stream ended after ${seen}`);
        seen += new TextDecoder().decode(value);
      }
    };
    await read(": zephyrgate");
    api.events.emit("alert", { code: "disk_full", message: "the disk is full" });
    await read("the disk is full");
    await reader?.cancel();
  });
});
