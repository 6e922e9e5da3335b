/** Out of the plugin into the operator's own network (SSRF), or into the protocol. Nothing listens to a plugin but what was named. */
import { expect } from "bun:test";
import type { Attack } from "../attack.ts";

/** Asks every address; the canary counts who really came. What was answered comes home. */
const asking = (...urls: readonly string[]) => `const through = []; const all = [];
  for (const url of ${JSON.stringify(urls)})
    all.push(this.httpGet(url, { timeout: 3 }).then((r) => { if (r.ok || r.error.code === "http_error") through.push(url); }, () => {}));
  await Promise.all(all); return through.join();`;
const silent = (_: unknown, said: string) => expect(said).toMatch(/^\w+: $/);
const row = (name: string, tries: string, strike: string, more: Partial<Attack> = {}): Attack => ({
  name,
  tries,
  wall: "egress",
  permissions: "http_requests",
  strike,
  check: silent,
  ...more,
});

const port = ":CANARY_PORT/";
export const EGRESS: readonly Attack[] = [
  row(
    "ssrf_loopback_spellings",
    "reaches a service on the gateway's own machine by every spelling of loopback",
    asking(
      ...[
        "127.0.0.1",
        "localhost",
        "LOCALHOST.",
        "0.0.0.0",
        "0",
        "127.1",
        "127.0.1",
        "2130706433",
        "0x7f000001",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "017700000001",
        "127.255.255.254",
        "１２７.０.０.１",
        "127。0。0。1",
        "①②⑦.⓪.⓪.①",
        "%31%32%37.0.0.1",
        "ip6-localhost",
        "localhost.localdomain",
      ].map((host) => `http://${host}${port}`),
    ),
  ),
  row(
    "ssrf_ipv6_forms",
    "reaches loopback by IPv6 and by IPv4 wrapped in IPv6",
    asking(
      ...[
        "::1",
        "0:0:0:0:0:0:0:1",
        "::",
        "::ffff:127.0.0.1",
        "::ffff:7f00:1",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::7f00:1",
        "2002:7f00:1::",
        "2001:0:0:0:0:0:80ff:fffe",
        "fe80::1%25lo",
        "fd00::1",
        "ff02::1",
      ].map((host) => `http://[${host}]${port}`),
    ),
  ),
  row(
    "ssrf_metadata",
    "reads a cloud's metadata address and other link-local and private networks",
    asking(
      "http://169.254.169.254/latest/meta-data/",
      "http://[fd00:ec2::254]/",
      "http://2852039166/",
      "http://0xa9fea9fe/",
      "http://10.0.0.1/",
      "http://192.168.0.1/",
      "http://172.16.0.1/",
      "http://100.64.0.1/",
      "http://198.18.0.1/",
      "http://224.0.0.1/",
      "http://255.255.255.255/",
    ),
  ),
  row(
    "ssrf_control_api",
    "talks to the gateway's own control API",
    "const seen = []; for (const host of ['127.0.0.1', 'localhost', '[::1]', '0.0.0.0']) for (const path of ['/health/live', '/api/v1/plugins', '/metrics']) { const r = await this.httpGet('http://' + host + ':' + args[0] + path, { timeout: 2 }); if (r.ok) seen.push(path); } return seen.join();",
    { says: "ssrf_control_api API_PORT" },
  ),
  row(
    "ssrf_schemes",
    "reads files and speaks other protocols by other schemes",
    asking(
      "file:///etc/passwd",
      "file://localhost/etc/passwd",
      "data:text/plain,hello",
      "blob:x",
      "ftp://127.0.0.1/",
      "gopher://127.0.0.1:CANARY_PORT/_x",
      "ws://127.0.0.1:CANARY_PORT/",
      "unix:///var/run/docker.sock",
      "javascript:1",
      "bun:ffi",
      "node:fs",
      "s3://bucket/x",
      "http+unix://%2Fvar%2Frun/x",
    ),
  ),
  row(
    "ssrf_userinfo",
    "confuses the host of the address by user names, backslashes, tabs and fragments",
    asking(
      "http://example.org@127.0.0.1:CANARY_PORT/",
      "http://127.0.0.1:CANARY_PORT\\@example.org/",
      "http://example.org:80#@127.0.0.1:CANARY_PORT/",
      "http:\\\\127.0.0.1:CANARY_PORT/",
      "http:///127.0.0.1:CANARY_PORT/",
      "http:127.0.0.1:CANARY_PORT/",
      "h\tttp://127.0.0.1:CANARY_PORT/",
      " http://127.0.0.1:CANARY_PORT/",
      "http://127.0.0.1:CANARY_PORT?@example.org/",
      "//127.0.0.1:CANARY_PORT/",
    ),
  ),
  row(
    "ssrf_scope",
    "asks hosts, ports and methods outside of what it was granted",
    "const seen = []; for (const [m, u] of [['GET', 'http://example.org/'], ['GET', 'http://api.example.com.evil.org/'], ['GET', 'http://api.example.com:8080/'], ['DELETE', 'http://api.example.com/'], ['get', 'http://example.com/'], ['TRACE', 'http://api.example.com/'], ['CONNECT', 'http://api.example.com/'], ['GET', 'http://API.example.com.:81/']]) try { const r = await fetch(u, { method: m }); seen.push(u); } catch (e) { if (!/denied|allowed|refused|not|invalid|method/i.test(e.message)) seen.push(e.message); } return seen.join();",
    {
      permissions: "http_requests: { hosts: [api.example.com], methods: [GET] }",
    },
  ),
  row(
    "ssrf_private_named",
    "uses the grant of one private address for others on the same machine",
    asking("http://127.0.0.2:CANARY_PORT/", "http://localhost:CANARY_PORT/", "http://[::1]:CANARY_PORT/", "http://127.0.0.1:CANARY_PORT/"),
    { permissions: "http_requests: { hosts: ['127.0.0.1:9'], private: true }" },
  ),
  row(
    "ssrf_open_relay",
    "is redirected by a permitted server to loopback, files and other hosts",
    "const seen = []; for (const p of ['/loop', '/file', '/canary', '/relative', '/chain', '/userinfo', '/noscheme']) { const r = await this.httpGet('http://127.0.0.1:RELAY_PORT' + p, { timeout: 3 }); if (r.ok) seen.push(p + ' ' + r.data); } return seen.join();",
    {
      permissions: "http_requests: { hosts: ['127.0.0.1:RELAY_PORT'], private: true }",
    },
  ),
  row(
    "header_injection",
    "smuggles headers and a second request by line breaks in headers, method, address and body",
    "const seen = []; const bad = [{ headers: { 'x': 'a\\r\\nx-smuggled: 1' } }, { headers: { 'x\\r\\nx-smuggled': '1' } }, { headers: { host: 'evil' } }, { headers: { 'transfer-encoding': 'chunked' } }, { headers: { 'content-length': '999' } }, { headers: { connection: 'upgrade', upgrade: 'h2c' } }, { headers: { 'proxy-authorization': 'x' } }, { method: 'GET / HTTP/1.1\\r\\nx-smuggled: 1\\r\\n' }]; for (const o of bad) try { const r = await fetch('http://127.0.0.1:RELAY_PORT/echo', o); seen.push(await r.text()); } catch (e) {} const r = await this.httpGet('http://127.0.0.1:RELAY_PORT/echo?\\r\\nx-smuggled: 1'); if (r.ok) seen.push(String(r.data)); return JSON.stringify(seen).slice(0, 600);",
    {
      permissions: "http_requests: { hosts: ['127.0.0.1:RELAY_PORT'], private: true }",
      check: (_, said) => expect(said).not.toMatch(/smuggled: 1|host=evil|upgrade=|transfer|length=999/),
    },
  ),
  row(
    "gzip_bomb",
    "fetches a small answer that unpacks to a gigabyte",
    "const r = await this.httpGet('http://127.0.0.1:RELAY_PORT/bomb', { timeout: 8 }); return r.ok ? 'unpacked ' + String(r.data).length : 'refused ' + r.error.code;",
    {
      permissions: "http_requests: { hosts: ['127.0.0.1:RELAY_PORT'], private: true }",
      check: (_, said) => expect(said).toContain("refused too_large"),
    },
  ),
  row(
    "endless_body",
    "fetches an answer that never ends",
    "const r = await this.httpGet('http://127.0.0.1:RELAY_PORT/endless', { timeout: 8 }); return r.ok ? 'took ' + String(r.data).length : 'refused ' + r.error.code;",
    {
      permissions: "http_requests: { hosts: ['127.0.0.1:RELAY_PORT'], private: true }",
      check: (_, said) => expect(said).toMatch(/refused (?:too_large|timeout)/),
    },
  ),
  row(
    "slow_drip",
    "holds connections open by servers that drip a byte a second (slowloris turned round)",
    "const all = []; for (let i = 0; i < 60; i++) all.push(this.httpGet('http://127.0.0.1:RELAY_PORT/drip', { timeout: 2 })); const r = await Promise.all(all); return r.filter((x) => x.ok).length + ' whole';",
    {
      permissions: "http_requests: { hosts: ['127.0.0.1:RELAY_PORT'], private: true }",
      check: (_, said) => expect(said).toBe("slow_drip: 0 whole"),
    },
  ),
  row(
    "request_bomb",
    "posts more than a request may hold and floods requests past its rate",
    "const seen = []; for (const n of [150000, 190000]) { const r = await this.httpPost('http://127.0.0.1:RELAY_PORT/echo', { data: 'x'.repeat(n) }).catch((e) => ({ ok: false })); seen.push(r.ok); } let limited = 0; await Promise.all(Array.from({ length: 250 }, () => this.httpGet('http://127.0.0.1:RELAY_PORT/echo', { timeout: 5 }).then((r) => { if (!r.ok) limited++; }, () => { limited++; }))); return limited;",
    {
      permissions: "http_requests: { hosts: ['127.0.0.1:RELAY_PORT'], private: true }",
      wall: "quotas",
      check: (_, said) => expect(Number(/\d+$/.exec(said)?.[0])).toBeGreaterThan(100),
    },
  ),
  row(
    "http_without_grant",
    "asks the network without the permission, by every door",
    "const seen = []; for (const f of [() => this.httpGet('http://127.0.0.1:CANARY_PORT/'), () => this.httpPost('http://127.0.0.1:CANARY_PORT/', { data: {} }), () => fetch('http://127.0.0.1:CANARY_PORT/')]) try { const r = await f(); seen.push(r.ok ? 'IN' : '-'); } catch (e) { seen.push('-'); } return seen.join();",
    {
      permissions: "",
      wall: "permissions",
      check: (_, said) => expect(said).toMatch(/: -,-,-$/),
    },
  ),
  row(
    "environment_proxy",
    "is sent through a proxy of the environment that would see every request",
    asking("http://example.invalid/", "https://example.invalid/"),
  ),
];
