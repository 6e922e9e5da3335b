import { readFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import type { Clock } from "../../src/clock.ts";
import { systemClock, systemRandom } from "../../src/clock.ts";
import { Egress, type EgressCall, type EgressDeps } from "../../src/http/egress.ts";
import { pinnedExchange } from "../../src/http/exchange.ts";
import { silentLogger } from "../../src/log/logger.ts";
import type { Ask } from "../../src/permissions/grammar/types.ts";
import { parseRate, type Rate } from "../../src/rates.ts";
import type { HttpArgs, HttpOutcome } from "../../src/sdk/boundary/wire.ts";

const fixture = (name: string) => readFileSync(join(import.meta.dir, "fixtures", name), "utf8");
/** A server certificate for good.test, *.wild.test and 127.0.0.2, and the authority that signed it. */
export const tls = { cert: fixture("cert.pem"), key: fixture("key.pem") };
export const ca = fixture("ca.pem");

export function rate(text: string): Rate {
  const parsed = parseRate(text);
  if (!parsed.ok) throw parsed.error;
  return parsed.value;
}

/** Everything is allowed, private addresses too; what was asked is kept. */
export function allowing(plugin = "weather", refuse: (ask: Ask) => boolean = () => false) {
  const asks: Ask[] = [];
  const stop = new AbortController();
  const call: EgressCall = {
    plugin,
    signal: stop.signal,
    allow: (ask) => {
      asks.push(ask);
      if (!refuse(ask)) return { allowed: true, rule: "test" };
      return { allowed: false, rule: "test", permission: "http_requests", scope: "test scope", hint: "test hint" };
    },
  };
  return { call, asks, stop };
}

/** Every name leads to 127.0.0.1, over real sockets. */
export function egress(parts: Partial<EgressDeps> = {}): Egress {
  return new Egress({
    clock: systemClock,
    random: systemRandom,
    log: silentLogger,
    rate: rate("1000/s"),
    userAgent: "zephyrgate/test",
    resolve: async () => ["127.0.0.1"],
    exchange: pinnedExchange({ ca }),
    ...parts,
  });
}

export const get = (url: string, more: Partial<HttpArgs> = {}): HttpArgs => ({ method: "GET", url, timeout: 20, ...more });
export const errorOf = (outcome: HttpOutcome) => (outcome.ok ? null : outcome.error);

/** A server of bytes: `answer` gets each connection once its first bytes came. */
export async function rawServer(
  answer: (socket: Socket, count: number) => void,
  host = "127.0.0.1",
): Promise<{ port: number; connections: () => number; close(): void }> {
  const sockets = new Set<Socket>();
  let count = 0;
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {}); // the client hangs up in these tests
    socket.on("close", () => sockets.delete(socket));
    socket.once("data", () => answer(socket, ++count));
  });
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(0, host, resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    port,
    connections: () => count,
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

/** Time that moves only when a timer is awaited: each `after` fires at once, having moved the clock. */
export function jumpingClock(): Clock & { ms: number; pauses: number[] } {
  const clock = {
    ms: 1_000_000,
    pauses: [] as number[],
    now: () => clock.ms,
    monotonic: () => clock.ms,
    after: (ms: number, run: () => void) => {
      // A request's own deadline stays pending; pauses between tries pass at once.
      if (ms >= 10_000) return { cancel: () => {} };
      clock.pauses.push(ms);
      const handle = setTimeout(() => {
        clock.ms += ms;
        run();
      }, 0);
      return { cancel: () => clearTimeout(handle) };
    },
  };
  return clock;
}
