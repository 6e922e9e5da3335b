import { afterEach, beforeEach, expect, test } from "bun:test";
import { closeSync, constants, openSync } from "node:fs";
import { discard, getSpeed, getSpeedClassic, lock, setRaw, setRawClassic, unlock } from "../../src/mesh/transport/termios.ts";
import { Pty } from "./pty.ts";

const SPEEDS = [9_600, 19_200, 38_400, 57_600, 115_200, 230_400, 460_800, 921_600];
const FLAGS = constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK;

let pty: Pty;
let port: number;
beforeEach(() => {
  pty = new Pty();
  port = openSync(pty.path, FLAGS);
});
afterEach(() => {
  closeSync(port);
  pty.dispose();
});

/** What `stty` says about the port: an independent reader of the same settings. */
async function stty(...settings: string[]): Promise<string> {
  const ran = Bun.spawn(["stty", "-F", pty.path, ...settings], { stdout: "pipe", stderr: "pipe" });
  const [out, err] = await Promise.all([new Response(ran.stdout).text(), new Response(ran.stderr).text(), ran.exited]);
  return out + err;
}

test.each(SPEEDS)("%i baud is set and read by the new calls and by the classic ones", async (speed) => {
  expect(setRaw(port, 300)).toBe(true);
  expect(setRawClassic(port, speed)).toBe(true);
  expect([getSpeed(port), getSpeedClassic(port)]).toEqual([speed, speed]);
  expect(await stty()).toContain(`speed ${speed} baud`);
  expect(setRaw(port, 300)).toBe(true);
  expect(setRaw(port, speed)).toBe(true);
  expect(getSpeed(port)).toBe(speed);
});

test("a speed between the classic ones is set by the new call alone", () => {
  expect(setRaw(port, 250_000)).toBe(true);
  expect(getSpeed(port)).toBe(250_000);
  expect(getSpeedClassic(port)).toBeNull();
  expect(setRawClassic(port, 250_000)).toBe(false);
  expect(getSpeed(port)).toBe(250_000);
});

test("raw means 8N1, nothing translated, no flow control, the receiver on", async () => {
  for (const set of [setRaw, setRawClassic]) {
    await stty("sane", "parenb", "cstopb", "ixon", "crtscts", "hupcl");
    expect(set(port, 115_200)).toBe(true);
    const words = (await stty("-a")).split(/[\s;]+/);
    for (const word of [
      "cs8",
      "cread",
      "clocal",
      "-parenb",
      "-cstopb",
      "-crtscts",
      "-hupcl",
      "-ixon",
      "-icrnl",
      "-opost",
      "-icanon",
      "-echo",
      "-isig",
    ])
      expect(words).toContain(word);
    expect(await stty("-a")).toContain("min = 1; time = 0");
  }
});

test("what is no terminal is refused in every call", () => {
  const nothing = openSync("/dev/null", constants.O_RDWR);
  try {
    expect([setRaw(nothing, 115_200), setRawClassic(nothing, 115_200)]).toEqual([false, false]);
    expect([getSpeed(nothing), getSpeedClassic(nothing)]).toEqual([null, null]);
  } finally {
    closeSync(nothing);
  }
});

test("one descriptor holds the port at a time", () => {
  const other = openSync(pty.path, FLAGS);
  try {
    expect([lock(port), lock(other)]).toEqual([true, false]);
    unlock(port);
    expect([lock(other), lock(port)]).toEqual([true, false]);
  } finally {
    closeSync(other);
  }
});

test("discard throws away what was received and not read", async () => {
  await pty.write(Buffer.from("old"));
  discard(port);
  await pty.write(Buffer.from("new"));
  const got: Buffer[] = [];
  const reader = Bun.file(port).stream().getReader();
  got.push(Buffer.from((await reader.read()).value ?? []));
  await reader.cancel();
  expect(Buffer.concat(got).toString()).toBe("new");
});
