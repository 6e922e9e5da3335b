/** A server that a plugin may talk to, and that is against everybody. */
import { gzipSync } from "node:zlib";

export interface Relay {
  readonly port: number;
  stop(): void;
}

export function startRelay(canaryPort: () => number): Relay {
  const bomb = gzipSync(new Uint8Array(64 * 2 ** 20));
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    idleTimeout: 30,
    fetch(request) {
      const { pathname } = new URL(request.url);
      const canary = canaryPort();
      const away: Record<string, string> = {
        "/loop": `http://127.0.0.1:${server.port}/loop`,
        "/file": "file:///etc/passwd",
        "/canary": `http://127.0.0.1:${canary}/`,
        "/relative": `//localhost:${canary}/`,
        "/chain": `http://localhost:${server.port}/canary`,
        "/userinfo": `http://127.0.0.1:${server.port}@127.0.0.1:${canary}/`,
        "/noscheme": `data:text/plain,gone`,
      };
      const location = away[pathname];
      if (location !== undefined) return new Response(null, { status: 302, headers: { location } });
      if (pathname === "/bomb") return new Response(bomb, { headers: { "content-encoding": "gzip" } });
      if (pathname === "/endless") return new Response(stream(() => new Uint8Array(65536)));
      if (pathname === "/drip") return new Response(stream(() => new Uint8Array(1), 500));
      return new Response(`${[...request.headers].map(([name, value]) => `${name}=${value}`).join(" ")} ${request.method}`);
    },
  });
  return { port: server.port ?? 0, stop: () => void server.stop(true) };
}

function stream(make: () => Uint8Array, everyMs = 0): ReadableStream<Uint8Array> {
  return new ReadableStream({
    async pull(controller) {
      await Bun.sleep(everyMs);
      controller.enqueue(make());
    },
  });
}
