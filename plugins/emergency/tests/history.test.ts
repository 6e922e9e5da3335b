import { expect, test } from "bun:test";
import { startTestGateway } from "zephyrgate/testing";

const start = (settings: { readonly language?: string } = {}) =>
  startTestGateway({
    plugin: `${import.meta.dir}/..`,
    nodes: ["Alice", "Ridge", "Valley", "Bob"],
    config: { responders: ["Ridge", "Valley", "Local"], check_in_minutes: 10, answer_minutes: 2 },
    settings,
  });

test("history tells calls, places, notes, answers and silence over time, the newest first, to its sender and the responders alone", async () => {
  await using gateway = await start();
  const [alice, ridge] = [gateway.node("Alice"), gateway.node("Ridge")];
  await alice.says("SOS leg broken");
  await alice.moves({ latitude: 47.1, longitude: 8.1 });
  await gateway.advance({ minutes: 2 });
  await ridge.says("responding 1 with two men");
  await alice.says("now at the bridge");
  await gateway.advance({ minutes: 14 });
  const told = await ridge.asks("history 1");
  expect(told).toMatch(
    /^Incident 1 \(7 entries\)\nnow no answer to a check-in\n2 min no answer to a check-in\n14 min Ridge is coming\n14 min Alice: now at the bridge\n14 min Ridge: with two men\nmore: history 1 6$/,
  );
  expect(await ridge.asks("history 1 6")).toMatch(
    /^Incident 1 \(\d entries\)(?:\n14 min [^\n]*)?\n1\d min at 47\.10000 8\.10000\n1\d min Alice called: leg broken$/,
  );
  expect(await alice.asks("history")).toStartWith("Incident 1 (");
  expect(await ridge.asks("status 1")).toEndWith("More: history 1");
  expect(await gateway.node("Bob").asks("history 1")).toBe("Incident 1 is not yours, and you are no responder.");
  await ridge.says("clear 1");
  expect(await ridge.asks("history #1")).toMatch(/\) ?\n?.*closed by Ridge/s);
  expect(await ridge.asks("history")).toBe("No open incident");
  for (const word of ["2", "x", "-1", "1;DROP", "\u202e1"])
    expect(await ridge.asks(`history ${word}`)).toStartWith("There is no incident ");
});

test("a long history goes page by page, each in one message, until its end, and has the entries of no other", async () => {
  await using gateway = await start();
  const [alice, bob, ridge] = [gateway.node("Alice"), gateway.node("Bob"), gateway.node("Ridge")];
  await bob.says("SOS secret of Bob");
  await alice.says("SOS");
  for (let at = 0; at < 12; at++) {
    await alice.moves({ latitude: 47 + at / 100, longitude: 8 });
    await alice.says(`note ${at} ${"ö".repeat(60)}`);
  }
  let all = "";
  let next: string | undefined = "history 2";
  for (let pages = 0; next !== undefined && pages < 30; pages++) {
    const page = await ridge.asks(next);
    expect(Buffer.byteLength(page)).toBeLessThanOrEqual(200);
    all += page;
    next = /more: (history 2 \d+)$/.exec(page)?.[1];
  }
  for (let at = 0; at < 12; at++) {
    expect(all).toContain(`note ${at} `);
    expect(all).toContain(`at ${(47 + at / 100).toFixed(5)} 8.00000`);
  }
  expect(all).toContain("Alice called: ");
  expect(all).not.toContain("secret");
  expect(await ridge.asks("history 2 99")).toBe("Incident 2 has 25 entries");
});

test("responders tells how far each is, and without an incident when each was heard", async () => {
  await using gateway = await start();
  const ridge = gateway.node("Ridge");
  expect(await ridge.asks("responders")).toMatch(/^3 responders\nRidge, heard now\nValley, (?:never heard|heard .*)\nLocal \(channel\)$/);
  gateway.node("Valley").leaves();
  await gateway.node("Alice").says("SOS");
  await ridge.says("responding");
  await gateway.advance({ minutes: 5 });
  expect(await ridge.asks("responders 1")).toBe("Incident 1\nRidge is coming\nValley: NOT REACHED\nLocal: sent");
  expect(await ridge.asks("responders 7")).toBe("There is no incident 7");
  expect(await gateway.node("Bob").asks("responders")).toBe("Only responders and operators may read this");
});

test("in German", async () => {
  await using gateway = await start({ language: "de" });
  await gateway.node("Alice").says("SOS Bein gebrochen");
  expect(await gateway.node("Ridge").asks("history")).toBe("Notfall 1 (1 Eintrag)\njetzt Alice rief: Bein gebrochen");
});
