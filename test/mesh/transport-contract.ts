/** What every transport must do. Each transport's own test file calls this with a harness that plays the other side. */
import { afterEach, describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import type { Connection, ConnectionEnd, Transport, TransportLimits } from "../../src/mesh/transport/port.ts";

/** The far end of the latest connection. */
export interface ContractPeer {
  /** All bytes that came, as one string of ASCII. */
  received(): string;
  /** Resolves when they are on their way. The contract sends printable ASCII, which a radio takes for console text. */
  send(text: string): Promise<void>;
  /** Reads no more, so that the way to it fills up. */
  stall(): void;
  hangUp(): void;
}

export interface ContractHarness {
  readonly transport: Transport;
  peer(): Promise<ContractPeer>;
  dispose(): Promise<void>;
}

export type MakeHarness = (limits: Partial<TransportLimits>) => Promise<ContractHarness>;

/** A real operating system is behind most transports, so this waits in real time, with a deadline far beyond need. */
export async function until(what: string, condition: () => boolean, deadlineMs = 60_000): Promise<void> {
  const end = performance.now() + deadlineMs;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`waited ${deadlineMs} ms in vain: ${what}`);
    await Bun.sleep(2);
  }
}

export function openDescriptors(): number {
  return readdirSync("/proc/self/fd").length;
}

class Recorder {
  text = "";
  readonly ends: ConnectionEnd[] = [];
  readonly events = {
    data: (bytes: Uint8Array) => {
      if (this.ends.length > 0) throw new Error("data after closed");
      this.text += Buffer.from(bytes).toString("latin1");
    },
    closed: (end: ConnectionEnd) => void this.ends.push(end),
  };
}

const ascii = (text: string) => new TextEncoder().encode(text);

export function transportContract(name: string, make: MakeHarness): void {
  describe(`${name}: transport contract`, () => {
    const open: ContractHarness[] = [];
    const connections: Connection[] = [];

    async function harness(limits: Partial<TransportLimits> = {}): Promise<ContractHarness> {
      const made = await make(limits);
      open.push(made);
      return made;
    }

    async function connect(made: ContractHarness): Promise<{ connection: Connection; peer: ContractPeer; seen: Recorder }> {
      const seen = new Recorder();
      const opened = await made.transport.open(seen.events);
      if (!opened.ok) throw opened.error;
      connections.push(opened.value);
      return { connection: opened.value, peer: await made.peer(), seen };
    }

    afterEach(async () => {
      for (const connection of connections.splice(0)) await connection.close();
      for (const made of open.splice(0)) await made.dispose();
    });

    test("carries bytes both ways, in order", async () => {
      const { connection, peer, seen } = await connect(await harness());
      const lines = Array.from({ length: 300 }, (_, at) => `line ${at} ${"x".repeat(at)}\n`);
      const sending = (async () => {
        for (const line of lines) await peer.send(line);
      })();
      for (const line of lines) expect(await connection.write(ascii(line))).toEqual({ ok: true, value: null });
      await sending;
      const all = lines.join("");
      await until("all bytes at the peer", () => peer.received().length >= all.length);
      await until("all bytes here", () => seen.text.length >= all.length);
      expect(peer.received()).toBe(all);
      expect(seen.text).toBe(all);
    });

    test("takes many writes without waiting, in order, and copies what it was given", async () => {
      const { connection, peer } = await connect(await harness());
      const reused = new Uint8Array(100);
      const writes = "abcdefghijklmnop".split("").map((letter) => {
        reused.fill(letter.charCodeAt(0));
        return connection.write(reused);
      });
      for (const result of await Promise.all(writes)) expect(result.ok).toBe(true);
      const all = "abcdefghijklmnop".replace(/./g, (letter) => letter.repeat(100));
      await until("all bytes at the peer", () => peer.received().length >= all.length);
      expect(peer.received()).toBe(all);
    });

    test("close flushes, tells closed once, may be called again, and writes fail afterwards", async () => {
      const { connection, peer, seen } = await connect(await harness());
      void connection.write(ascii("goodbye"));
      await Promise.all([connection.close(), connection.close()]);
      await connection.close();
      expect(seen.ends).toEqual([{ by: "local" }]);
      await until("the last word", () => peer.received() === "goodbye");
      const late = await connection.write(ascii("late"));
      expect(late.ok ? "ok" : late.error.code).toBe("link_down");
    });

    test("a hangup by the peer is told once, and writes fail afterwards", async () => {
      const { connection, peer, seen } = await connect(await harness());
      await peer.send("last words");
      await until("the last words", () => seen.text === "last words");
      peer.hangUp();
      await until("closed", () => seen.ends.length > 0);
      const late = await connection.write(ascii("late"));
      expect(late.ok ? "ok" : late.error.code).toBe("link_down");
      await connection.close();
      expect(seen.ends.map((end) => end.by)).toEqual(["remote"]);
    });

    test("a peer that takes nothing: writes are bounded, nothing blocks, and the deadline ends the connection", async () => {
      const maxBufferedBytes = 20_000;
      const { connection, peer, seen } = await connect(await harness({ maxBufferedBytes, writeDeadlineMs: 500 }));
      peer.stall();
      const piece = ascii("y".repeat(5_000));
      const codes: string[] = [];
      let waiting = 0;
      let refused = 0;
      // The system's own buffers take some first; then ours fill, and further writes are refused at once.
      for (let round = 0; round < 20_000 && refused < 3; round++) {
        waiting++;
        void connection.write(piece).then((result) => {
          waiting--;
          codes.push(result.ok ? "ok" : result.error.code);
          if (!result.ok && result.error.code === "rate_limited") refused++;
        });
        await Promise.resolve();
        if (waiting * piece.length > maxBufferedBytes) await Bun.sleep(1);
      }
      expect(refused).toBe(3);
      const turn = performance.now();
      await Bun.sleep(1);
      expect(performance.now() - turn).toBeLessThan(5_000);
      await until("stalled", () => seen.ends.length > 0 && waiting === 0);
      expect(seen.ends.map((end) => [end.by, end.error?.code])).toEqual([["stalled", "timeout"]]);
      expect(codes).toContain("timeout");
    });

    test("can be opened again and again, and leaves no descriptor behind", async () => {
      const made = await harness();
      const round = async (at: number) => {
        const { connection, peer, seen } = await connect(made);
        await connection.write(ascii(`hello ${at}`));
        await until("the greeting", () => peer.received().endsWith(`hello ${at}`));
        if (at % 2 === 0) {
          peer.hangUp();
          await until("closed", () => seen.ends.length === 1);
        }
        await connection.close();
        connections.length = 0;
      };
      for (let at = 0; at < 4; at++) await round(at);
      const before = openDescriptors();
      for (let at = 4; at < 24; at++) await round(at);
      await until("descriptors freed", () => openDescriptors() <= before);
    });

    test("an aborted open is cancelled", async () => {
      const made = await harness();
      const seen = new Recorder();
      const opened = await made.transport.open(seen.events, AbortSignal.abort());
      expect(opened.ok ? "ok" : opened.error.code).toBe("cancelled");
      expect(seen.ends).toEqual([]);
    });
  });
}
