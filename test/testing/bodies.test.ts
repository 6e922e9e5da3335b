/** Bodies of answers as a plugin gets them, and its digests and signatures, in a realm. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startTestGateway, type TestGateway } from "../../src/testing/index.ts";
import { writePlugin } from "../gateway/harness.ts";

const COMMANDS = ["text", "error", "bytes", "fetched", "large", "digest", "sign", "keys", "axios"];
const SOURCE = `import { Plugin } from "zephyrgate";
const hex = (bytes: ArrayBuffer | Uint8Array) => [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
const utf8 = (text: string) => new TextEncoder().encode(text);
const HMAC = { name: "HMAC", hash: "SHA-256" };
export default class Bodies extends Plugin {
  override initialize() {
    const add = (name: string, run: () => Promise<unknown>) => this.registerCommand(name, async () => JSON.stringify(await run()));
    add("text", async () => (await this.httpGet("https://example.org/page")));
    add("error", async () => (await this.httpGet("https://example.org/error")));
    add("bytes", async () => {
      const answer = await this.httpGet("https://example.org/bytes", { bytes: true });
      return answer.ok ? [answer.data instanceof Uint8Array, hex(answer.data)] : answer.error;
    });
    add("fetched", async () => {
      const [one, two] = [await fetch("https://example.org/bytes"), await fetch("https://example.org/page")];
      return [hex(await one.arrayBuffer()), await two.text()];
    });
    add("large", async () => {
      const text = await this.httpGet("https://example.org/large");
      const bytes = await this.httpGet("https://example.org/large", { bytes: true });
      if (!text.ok) return text.error;
      return bytes.ok ? [String(text.data).length, bytes.data.length, bytes.data[1_000_000]] : bytes.error;
    });
    add("digest", async () => [hex(await crypto.subtle.digest("SHA-256", utf8("abc"))), hex(await crypto.subtle.digest({ name: "sha-512" }, utf8("")))]);
    add("sign", async () => {
      const key = await crypto.subtle.importKey("raw", utf8("key"), HMAC, false, ["sign", "verify"]);
      const text = utf8("The quick brown fox jumps over the lazy dog");
      const signature = await crypto.subtle.sign("HMAC", key, text);
      const wrong = new Uint8Array(signature.slice(0));
      wrong[31] ^= 1;
      return [hex(signature), await crypto.subtle.verify("HMAC", key, signature, text), await crypto.subtle.verify("HMAC", key, wrong, text),
        await crypto.subtle.verify("HMAC", key, wrong.subarray(1), text)];
    });
    add("keys", async () => {
      const said: string[] = [];
      const tryIt = async (run: () => Promise<unknown>) => said.push(await run().then(String, (error: Error) => error.message));
      const key = await crypto.subtle.generateKey(HMAC, true, ["sign"]);
      said.push(String((await crypto.subtle.exportKey("raw", key)).byteLength));
      await tryIt(() => crypto.subtle.verify("HMAC", key, utf8("x"), utf8("x")));
      await tryIt(async () => crypto.subtle.exportKey("raw", await crypto.subtle.generateKey(HMAC, false, ["sign"])));
      await tryIt(() => crypto.subtle.digest("MD5", utf8("x")));
      await tryIt(() => crypto.subtle.digest("SHA-256", "text" as never));
      await tryIt(() => crypto.subtle.digest("SHA-256", new Uint8Array(200_000)));
      await tryIt(() => crypto.subtle.sign("HMAC", {} as never, utf8("x")));
      await tryIt(() => crypto.subtle.importKey("raw", utf8("k"), { name: "AES-GCM" }, false, ["sign"]));
      return said;
    });
  }
}
`;
const LATIN1 = Uint8Array.of(0x67, 0x72, 0xfc, 0xdf);
const BYTES = Uint8Array.of(0, 255, 1, 128, 13, 10);
let dir: string;
let gateway: TestGateway;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "bodies-"));
  const manifest = `capabilities: { commands: [${COMMANDS.map((name) => `{ name: ${name} }`).join(", ")}] }
permissions: [send_messages, { http_requests: { hosts: [example.org] } }]
`;
  writePlugin(dir, "bodies", { manifest, code: SOURCE });
  gateway = await startTestGateway({ plugin: join(dir, "bodies") });
  const { http } = gateway;
  http.respond("https://example.org/page", { bytes: LATIN1, headers: { "content-type": 'text/html; charset="ISO-8859-1"' } });
  http.respond("https://example.org/bytes", { bytes: BYTES, headers: { "content-type": "image/png" } });
  http.respond("https://example.org/error", { status: 422, json: { reason: "no such place" }, headers: { "x-quota": "3" } });
});
afterAll(async () => {
  await gateway.close();
  rmSync(dir, { recursive: true, force: true });
});
async function ask(command: string): Promise<unknown> {
  const answer = (await gateway.node("Alice").says(command)).map((part) => part.replace(/^\(\d+\/\d+\) ?/, "")).join("");
  if (!answer.startsWith("[") && !answer.startsWith("{")) throw new Error(gateway.explain(answer));
  return JSON.parse(answer);
}

describe("bodies", () => {
  test("text by the charset that the server names", async () => {
    expect(await ask("text")).toMatchObject({ ok: true, data: "grüß" });
  });
  test("an answer of 400 and above has its headers and its body", async () => {
    expect(await ask("error")).toMatchObject({
      ok: false,
      error: { code: "http_status", status: 422, headers: { "x-quota": "3" }, data: { reason: "no such place" } },
    });
  });
  test("bytes by httpGet and by fetch, whatever they are", async () => {
    expect(await ask("bytes")).toEqual([true, "00ff01800d0a"]);
    expect(await ask("fetched")).toEqual(["00ff01800d0a", "grüß"]);
  });
  test("a megabyte fits a realm of 16 MB, as text and as bytes", async () => {
    gateway.http.respond("https://example.org/large", { text: "x".repeat(1024 * 1024) });
    expect(await ask("large")).toEqual([1024 * 1024, 1024 * 1024, 120]);
  });
});

describe("crypto.subtle", () => {
  test("digests", async () => {
    expect(await ask("digest")).toEqual([
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
      "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e",
    ]);
  });
  test("HMAC signs and verifies", async () => {
    expect(await ask("sign")).toEqual(["f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8", true, false, false]);
  });
  test("keys keep their usages, and each mistake is one clear error", async () => {
    // Between parts a blank is dropped.
    const plain = (said: string) => said.replace(/ |\(.*\)$/g, "");
    expect(((await ask("keys")) as string[]).map(plain)).toEqual(
      [
        "64",
        "The key is not for verify",
        "The key cannot be exported",
        "crypto.subtle has no hash md5",
        "crypto.subtle takes an ArrayBuffer or a typed array: encode texts with TextEncoder",
        "crypto.subtle takes at most 128 KB at once",
        "This is no key of crypto.subtle: make one with importKey",
        "crypto.subtle signs and verifies with HMAC only",
      ].map(plain),
    );
  });
});
