import { afterEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../src/clock.ts";
import type { Connection, ConnectionEnd, ConnectionEvents, TransportLimits } from "../../src/mesh/transport/port.ts";
import { SerialTransport } from "../../src/mesh/transport/serial.ts";
import { Pty } from "./pty.ts";
import { type ContractHarness, openDescriptors, transportContract, until } from "./transport-contract.ts";

function serial(path: string, limits: Partial<TransportLimits> = {}): SerialTransport {
  return new SerialTransport(path, 115200, { clock: systemClock, limits });
}

async function harness(limits: Partial<TransportLimits>): Promise<ContractHarness> {
  const pty = new Pty();
  let isGone = false;
  const transport = serial(pty.path, limits);
  return {
    transport: {
      type: transport.type,
      target: transport.target,
      open(events, signal) {
        if (isGone) pty.replug();
        isGone = false;
        pty.received = Buffer.alloc(0);
        return transport.open(events, signal);
      },
    },
    async peer() {
      return {
        received: () => pty.received.toString("latin1"),
        send: (text) => pty.write(Buffer.from(text)),
        stall: () => void pty.stall(),
        hangUp() {
          isGone = true;
          pty.hangUp();
        },
      };
    },
    async dispose() {
      pty.dispose();
    },
  };
}

transportContract("serial", harness);

describe("serial", () => {
  const ptys: Pty[] = [];
  const connections: Connection[] = [];
  const folder = mkdtempSync(join(tmpdir(), "serial-"));

  afterEach(async () => {
    for (const connection of connections.splice(0)) await connection.close();
    for (const pty of ptys.splice(0)) pty.dispose();
    rmSync(folder, { recursive: true, force: true });
  });

  function plug(): Pty {
    const pty = new Pty();
    ptys.push(pty);
    return pty;
  }

  async function open(path: string, events: Partial<ConnectionEvents> = {}): Promise<Connection> {
    const opened = await serial(path).open({ data() {}, closed() {}, ...events });
    if (!opened.ok) throw opened.error;
    connections.push(opened.value);
    return opened.value;
  }

  async function refusal(path: string): Promise<string> {
    const opened = await serial(path).open({ data() {}, closed() {} });
    if (opened.ok) {
      connections.push(opened.value);
      return "opened";
    }
    return `${opened.error.code} ${opened.error.where}: ${opened.error.message} (${opened.error.hint})`;
  }

  test("sustained load in both directions at once arrives byte for byte", async () => {
    const pty = plug();
    const size = 1_000_000;
    const pattern = Buffer.alloc(size, Buffer.from(Array.from({ length: 251 }, (_, at) => at)));
    let got = Buffer.alloc(0);
    const pieces: Uint8Array[] = [];
    let count = 0;
    const connection = await open(pty.path, {
      data(bytes) {
        pieces.push(bytes);
        count += bytes.length;
      },
    });
    const there = (async () => {
      for (let at = 0; at < size; at += 516) expect((await connection.write(pattern.subarray(at, at + 516))).ok).toBe(true);
    })();
    await Promise.all([there, pty.write(pattern)]);
    await until("all bytes", () => pty.received.length >= size && count >= size);
    got = Buffer.concat(pieces);
    expect(got.equals(pattern)).toBe(true);
    expect(pty.received.equals(pattern)).toBe(true);
  }, 120_000);

  test("1,000 reopens leave no descriptor behind", async () => {
    const pty = plug();
    const round = async () => {
      const opened = await serial(pty.path).open({ data() {}, closed() {} });
      if (!opened.ok) throw opened.error;
      await opened.value.close();
    };
    for (let at = 0; at < 10; at++) await round();
    const before = openDescriptors();
    for (let at = 0; at < 1_000; at++) await round();
    await until("descriptors freed", () => openDescriptors() <= before);
  }, 120_000);

  test("a second opener is refused with the device and what to do, and may open when the first has closed", async () => {
    const pty = plug();
    const first = await open(pty.path);
    expect(await refusal(pty.path)).toBe(
      `link_down ${pty.path}: another program uses this port (find it with "fuser ${pty.path}" and close it, or take another port)`,
    );
    await first.close();
    expect(await refusal(pty.path)).toBe("opened");
  });

  test("a hangup in the midst of a write ends the connection and the write", async () => {
    const pty = plug();
    const ends: ConnectionEnd[] = [];
    const connection = await open(pty.path, { closed: (end) => void ends.push(end) });
    await pty.stall();
    const writes = Array.from({ length: 10 }, () => connection.write(new Uint8Array(5_000)));
    pty.hangUp();
    for (const result of await Promise.all(writes))
      expect(result.ok || result.error.code).toSatisfy((it) => it === true || it === "link_down");
    await until("closed", () => ends.length > 0);
    expect(ends.map((end) => end.by === "remote" || end.by === "error")).toEqual([true]);
  });

  test("a device that is not there, and a path that is no serial port, are named with what to do", async () => {
    expect(await refusal(join(folder, "ttyUSB7"))).toContain("ttyUSB7: there is no such device (plug the radio in");
    expect(await refusal(tmpdir())).toContain("this is a folder, not a serial port");
    const file = join(mkdtempSync(join(tmpdir(), "serial-")), "file");
    writeFileSync(file, "");
    expect(await refusal(file)).toContain("cannot be set to 115200 baud (is it a serial port at all?");
    rmSync(join(file, ".."), { recursive: true });
    expect(await refusal("/dev/null")).toContain("cannot be set to 115200 baud");
  });
});
