import { describe, expect, test } from "bun:test";
import type { Socket } from "node:net";
import { gzipSync } from "node:zlib";
import type { HttpArgs, HttpOutcome } from "../../src/sdk/boundary/wire.ts";
import { allowing, egress, errorOf, get, rawServer } from "./support.ts";

async function answered(answer: (socket: Socket, count: number) => void, more: Partial<HttpArgs> = {}): Promise<HttpOutcome> {
  const server = await rawServer(answer);
  try {
    return await egress().request(get(`http://good.test:${server.port}/`, more), allowing().call);
  } finally {
    server.close();
  }
}
/** Writes the same bytes for ever, a piece in each turn of the loop, as far as the other side takes them. */
function pour(socket: Socket, piece: string): void {
  if (socket.destroyed) return;
  if (socket.write(piece)) setImmediate(() => pour(socket, piece));
  else socket.once("drain", () => pour(socket, piece));
}
const withBody =
  (body: Uint8Array | string, header = "") =>
  (socket: Socket) => {
    const bytes = Buffer.from(body);
    socket.write(`HTTP/1.1 200 OK\r\n${header}Content-Length: ${bytes.length}\r\n\r\n`);
    socket.end(bytes);
  };

describe("what comes back", () => {
  test("text is decoded as UTF-8, what is invalid is replaced", async () => {
    expect(await answered(withBody("grüß 🌧"))).toMatchObject({ ok: true, body: "grüß 🌧" });
    expect(await answered(withBody(new Uint8Array([0x61, 0xff, 0xfe, 0x62])))).toMatchObject({ ok: true, body: "a��b" });
  });

  test("gzip is unpacked, other encodings are refused", async () => {
    const packed = await answered(withBody(gzipSync("hello ".repeat(1000)), "Content-Encoding: gzip\r\n"));
    expect(packed).toMatchObject({ ok: true, body: "hello ".repeat(1000) });
    expect(packed.ok && packed.headers["content-encoding"]).toBeUndefined();
    for (const encoding of ["br", "gzip, gzip", "deflate", "zstd"]) {
      expect(errorOf(await answered(withBody("xx", `Content-Encoding: ${encoding}\r\n`)))?.code).toBe("unavailable");
    }
    expect(errorOf(await answered(withBody("not gzip", "Content-Encoding: gzip\r\n")))?.message).toContain("gzip");
  });

  test("a decompression bomb ends at the cap", async () => {
    const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024));
    expect(bomb.length).toBeLessThan(128 * 1024);
    const before = process.memoryUsage().rss;
    for (let i = 0; i < 5; i++) {
      expect(errorOf(await answered(withBody(bomb, "Content-Encoding: gzip\r\n")))).toMatchObject({ code: "too_large" });
    }
    expect(process.memoryUsage().rss - before).toBeLessThan(60 * 1024 * 1024);
  });

  test("a HEAD and a 204 have no body, whatever length they state", async () => {
    const head = await answered((socket) => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n"), { method: "HEAD" });
    expect(head).toMatchObject({ ok: true, status: 200, body: "" });
    expect(await answered((socket) => socket.end("HTTP/1.1 204 No Content\r\n\r\n"))).toMatchObject({ ok: true, status: 204, body: "" });
  });

  test("a body over the cap is refused, by its stated length and while it streams", async () => {
    expect(errorOf(await answered(withBody("x".repeat(1024 * 1024 + 1))))?.code).toBe("too_large");
    const endless = await answered((socket) => {
      socket.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
      const chunk = `4000\r\n${"y".repeat(0x4000)}\r\n`;
      pour(socket, chunk);
    });
    expect(errorOf(endless)?.code).toBe("too_large");
    expect((await answered(withBody("x".repeat(1024 * 1024)))).ok).toBe(true);
  });

  test("a body that grows too large once escaped is refused", async () => {
    expect(errorOf(await answered(withBody("\u0001".repeat(600 * 1024))))?.code).toBe("too_large");
    expect((await answered(withBody("\u0001".repeat(400 * 1024)))).ok).toBe(true);
  });

  test("endless headers and a flood of interim answers end", async () => {
    const headers = await answered((socket) => {
      socket.write("HTTP/1.1 200 OK\r\n");
      pour(socket, `X-A: ${"a".repeat(8000)}\r\n`);
    });
    expect(errorOf(headers)?.code).toBe("unavailable");
    const interim = await answered(
      (socket) => {
        pour(socket, "HTTP/1.1 102 Processing\r\n\r\n".repeat(50));
      },
      { timeout: 0.5 },
    );
    expect(errorOf(interim)?.code).toBe("timeout");
  });

  test("a server that drips bytes is cut off at the deadline", async () => {
    const outcome = await answered(
      (socket) => {
        socket.write("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
        const drip = setInterval(() => (socket.destroyed ? clearInterval(drip) : socket.write("x")), 20);
        socket.on("close", () => clearInterval(drip));
      },
      { timeout: 0.4 },
    );
    expect(errorOf(outcome)).toMatchObject({ code: "timeout" });
  });

  test("a silent server and a silent resolver are cut off too", async () => {
    expect(errorOf(await answered(() => {}, { timeout: 0.3 }))?.code).toBe("timeout");
    const never = egress({ resolve: () => new Promise<string[]>(() => {}) });
    expect(errorOf(await never.request(get("http://a.test/", { timeout: 0.3 }), allowing().call))?.code).toBe("timeout");
    expect(never.running).toBe(0);
  });

  test.each([
    ["rubbish\r\n\r\n"],
    ["HTTP/1.1\r\n\r\n"],
    ["\u0000\u0001\u0002"],
    ["SSH-2.0-OpenSSH_9\r\n"],
    ["HTTP/1.1 abc OK\r\n\r\n"],
    [""],
  ])("the answer %j is an error and no exception", async (bytes) => {
    expect(errorOf(await answered((socket) => socket.end(bytes), { method: "POST", timeout: 5 }))?.code).toBe("unavailable");
  });

  test("revocation cancels the request at once", async () => {
    const server = await rawServer(() => {});
    const { call, stop } = allowing();
    const client = egress();
    const waiting = client.request(get(`http://good.test:${server.port}/`), call);
    while (server.connections() === 0) await Bun.sleep(1);
    stop.abort();
    expect(errorOf(await waiting)?.code).toBe("cancelled");
    expect(client.running).toBe(0);
    expect(errorOf(await client.request(get(`http://good.test:${server.port}/`), call))?.code).toBe("cancelled");
    server.close();
  });
});

describe("what goes out", () => {
  const refused = async (more: Partial<HttpArgs>) => errorOf(await egress().request(get("http://good.test/", more), allowing().call));

  test.each([
    "Host",
    "content-length",
    "Transfer-Encoding",
    "connection",
    "Upgrade",
    "TE",
    "Expect",
    "Proxy-Authorization",
    "X-Forwarded-For",
    "sec-fetch-mode",
  ])("the header %s belongs to the gateway", async (name) => {
    expect(await refused({ headers: { [name]: "x" } })).toMatchObject({ code: "invalid_argument" });
  });

  test.each([
    [{ headers: { "x-a": "b\r\nHost: evil" } }],
    [{ headers: { "x-a": "b\nc" } }],
    [{ headers: { "x-a": "b\u0000c" } }],
    [{ headers: { "x\r\na": "b" } }],
    [{ headers: { "": "b" } }],
    [{ headers: { "x-a": "Ā" } }],
    [{ headers: { "x-a": "b", "X-A": "c" } }],
    [{ method: "CONNECT" }],
    [{ method: "GET /evil HTTP/1.1\r\nx:" }],
    [{ method: "TRACE" }],
    [{ body: "x" }],
    [{ timeout: 0 }],
    [{ timeout: Number.NaN }],
    [{ url: "file:///etc/passwd" }],
    [{ url: "ftp://good.test/" }],
    [{ url: "data:text/plain,x" }],
    [{ url: "javascript:1" }],
    [{ url: "unix:///run/x" }],
    [{ url: "http://user:pass@good.test/" }],
    [{ url: "http://good.test:22/" }],
    [{ url: "http://good.test:0/" }],
    [{ url: "http://" }],
    [{ url: "/relative" }],
    [{ url: `http://good.test/${"a".repeat(9000)}` }],
  ])("%j is refused", async (more) => {
    expect(await refused(more)).toMatchObject({ code: "invalid_argument" });
  });

  test("sizes are capped", async () => {
    expect(await refused({ method: "POST", body: "x".repeat(256 * 1024 + 1) })).toMatchObject({ code: "too_large" });
    const many = Object.fromEntries(Array.from({ length: 65 }, (_, index) => [`x-${index}`, "y"]));
    expect(await refused({ headers: many })).toMatchObject({ code: "too_large" });
    expect(await refused({ headers: { "x-a": "y".repeat(17_000) } })).toMatchObject({ code: "too_large" });
  });

  test("a path cannot end the request line", async () => {
    let head = "";
    const raw = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: (request) => {
        head = `${request.url} ${request.headers.get("x-evil")}`;
        return new Response("ok");
      },
    });
    const url = `http://good.test:${raw.port}/a b\r\nX-Evil: 1\r\n\r\n?q=\u0000é`;
    expect((await egress().request(get(url), allowing().call)).ok).toBe(true);
    expect(head).toContain("/a%20bX-Evil:%201?q=%00%C3%A9 null");
    await raw.stop(true);
  });
});
