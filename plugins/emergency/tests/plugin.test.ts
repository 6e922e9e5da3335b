import { describe, expect, test } from "bun:test";
import { startTestGateway, type TestGateway, type TestOptions } from "zephyrgate/testing";
import { isDrill as isCoreDrill } from "../../../src/mesh/emergency/words.ts";
import { isDrill } from "../incident.ts";

const NODES = ["Alice", "Ridge", "Valley", "Bob"];

function start(options: Partial<TestOptions> = {}): Promise<TestGateway> {
  return startTestGateway({ plugin: `${import.meta.dir}/..`, nodes: NODES, config: { responders: ["Ridge", "Valley"] }, ...options });
}

/** What this plugin sent to a node, in order. */
function sentTo(gateway: TestGateway, name: string): string[] {
  return gateway.sent.filter(({ to, plugin }) => to === name && plugin === "emergency").map(({ text }) => text);
}

describe("the sender is told the truth", () => {
  test("who has it, and who is coming", async () => {
    await using gateway = await start();
    gateway.node("Valley").leaves();
    await gateway.node("Alice").says("SOS leg broken");
    expect(sentTo(gateway, "Alice")).toEqual([
      "Incident 1: alerting Ridge, Valley. I tell you who has it. Write what changes; cancel 1 if it is over.",
    ]);
    await gateway.advance({ minutes: 2 });
    expect(sentTo(gateway, "Alice").at(-1)).toBe("Incident 1: 1 of 2 responders have it.");
    expect(await gateway.node("Ridge").asks("responding 1 with a car")).toBe(
      "Incident 1: Alice is told that you are coming, at 47.02000 8.02600. Over: clear 1",
    );
    expect(sentTo(gateway, "Alice").at(-1)).toBe("Incident 1: Ridge is coming; 1 of 2 responders have it.");
    gateway.node("Valley").comesBack();
    await gateway.advance({ minutes: 6 });
    expect(sentTo(gateway, "Alice").at(-1)).toBe("Incident 1: Ridge is coming; 2 of 2 responders have it.");
  });

  test("that nobody has it", async () => {
    await using gateway = await start();
    for (const name of ["Ridge", "Valley"]) gateway.node(name).leaves();
    await gateway.node("Alice").says("SOS");
    await gateway.advance({ minutes: 2 });
    expect(sentTo(gateway, "Alice").at(-1)).toBe("Incident 1: nobody has confirmed it yet, seek help by other ways too.");
    await gateway.advance({ minutes: 6 });
    expect(sentTo(gateway, "Alice").at(-1)).toMatch(/nobody has answered, all are alerted again; nobody has confirmed it yet/);
  });

  test("a name that nobody has is not said to be alerted, and the operator's log names it", async () => {
    await using gateway = await start({ config: { responders: ["Nobody", "Ridge"] } });
    expect(await gateway.node("Alice").asks("SOS")).toContain("Incident 1: alerting Ridge. ");
    expect(gateway).toHaveLogged(/could not be sent/);
    await gateway.advance({ minutes: 2 });
    expect(sentTo(gateway, "Alice").at(-1)).toBe("Incident 1: 1 of 1 responders have it.");
    expect(await gateway.node("Ridge").asks("clear")).toBe("Incident 1 is closed.");
  });

  test("a channel is not counted as somebody who has read it", async () => {
    await using gateway = await start({ config: { responders: ["Local", "Ridge"] } });
    await gateway.node("Alice").says("SOS");
    await gateway.advance({ minutes: 2 });
    expect(gateway).toHaveSent(/^ALERT 1 HELP NEEDED: Alice/, { to: "broadcast", channel: 1 });
    expect(sentTo(gateway, "Alice").at(-1)).toBe("Incident 1: 1 of 1 responders have it; sent on Local.");
    await gateway.node("Bob").says("!responding 1", { channel: 1 });
    expect(sentTo(gateway, "Alice").at(-1)).toBe("Incident 1: Bob is coming; 1 of 1 responders have it; sent on Local.");
  });

  test("a stranger who says that he comes is named as one, and the escalation goes on", async () => {
    await using gateway = await start();
    await gateway.node("Alice").says("SOS");
    await gateway.node("Bob").says("responding");
    expect(sentTo(gateway, "Alice").at(-1)).toBe("Incident 1: 2 of 2 responders have it; Bob wants to come, but is no responder.");
    expect(await gateway.node("Bob").asks("ack")).toBe("Incident 1 is not yours, and you are no responder.");
    expect(await gateway.node("Bob").asks("clear 1")).toBe("Incident 1 is not yours, and you are no responder.");
    expect(await gateway.node("Bob").asks("status 1")).not.toContain(", at ");
    await gateway.advance({ minutes: 6 });
    expect(sentTo(gateway, "Ridge").at(-1)).toContain("nobody has answered");
  });

  test("a responder who was away gets the whole story when he is heard again", async () => {
    await using gateway = await start();
    const valley = gateway.node("Valley");
    valley.leaves();
    await gateway.node("Alice").says("SOS leg broken");
    await gateway.node("Ridge").says("responding");
    await gateway.node("Alice").says("at the bridge");
    await gateway.advance({ minutes: 20 });
    expect(valley.heard).toEqual([]);
    valley.comesBack();
    await valley.reports({ batteryLevel: 50 });
    await gateway.advance({ minutes: 1 });
    expect(valley.heard[0]).toMatch(/^ALERT 1 HELP NEEDED: Alice .*: leg broken; at the bridge\. Answer: responding 1/);
    expect(sentTo(gateway, "Alice").at(-1)).toContain("2 of 2 responders have it");
  });

  test("a report that does not arrive is sent again", async () => {
    await using gateway = await start();
    await gateway.node("Alice").says("SOS");
    gateway.node("Alice").leaves();
    await gateway.node("Ridge").says("ack");
    await gateway.advance({ minutes: 3 });
    gateway.node("Alice").comesBack();
    await gateway.advance({ minutes: 3 });
    expect(gateway.node("Alice").heard.at(-1)).toBe("Incident 1: Ridge read it; 2 of 2 responders have it.");
  });
});

describe("an operator who is a responder, too", () => {
  test("gets one text that says both, hears what the sender writes once, and the next round and the end from here", async () => {
    await using gateway = await start({ operators: ["Ridge"], config: { responders: ["Ridge", "Valley"] } });
    const [alice, ridge] = [gateway.node("Alice"), gateway.node("Ridge")];
    await alice.says("SOS leg broken");
    expect(ridge.heard).toHaveLength(1);
    expect(ridge.heard[0]).toMatch(/^ALERT SOS from Alice \(!00000002\), .*: leg broken\. Answer: responding, or ack$/);
    expect(sentTo(gateway, "Alice")[0]).toContain("Incident 1: alerting Valley. ");
    await alice.says("at the bridge");
    expect(ridge.heard.filter((text) => text.includes("at the bridge"))).toHaveLength(1);
    expect(gateway.node("Valley").heard.at(-1)).toBe("ALERT 1 more from Alice: at the bridge");
    expect(await ridge.asks("responders 1")).toBe("Incident 1\nRidge: alerted by the gateway\nValley has it");
    await gateway.advance({ minutes: 6 });
    expect(ridge.heard.at(-1)).toContain("(round 2, nobody has answered)");
    await gateway.advance({ minutes: 5 });
    expect(await alice.asks("it is getting cold")).toContain("passed on to Ridge, Valley");
    expect(ridge.heard.filter((text) => text.includes("getting cold"))).toEqual(["ALERT 1 more from Alice: it is getting cold"]);
    await alice.says("cancel");
    expect(ridge.heard.at(-1)).toBe("Incident 1 is taken back by Alice.");
  });

  test("as is a channel on which the gateway announces emergencies", async () => {
    await using gateway = await start({ config: { responders: ["Local"] }, settings: { alerts: { channels: ["Local"] } } });
    await gateway.node("Alice").says("SOS");
    await gateway.advance({ minutes: 1 });
    expect(gateway.sent.filter(({ to, text }) => to === "broadcast" && text.includes("Alice"))).toHaveLength(1);
    expect(sentTo(gateway, "Alice")[0]).toBe("Incident 1 is recorded. Write what changes; cancel 1 if it is over.");
  });
});

test("status and cancel after a call are no further calls for the operators; with words behind them they are", async () => {
  await using gateway = await start({ config: {}, operators: ["Bob"] });
  const [alice, bob] = [gateway.node("Alice"), gateway.node("Bob")];
  await alice.says("SOS leg broken");
  for (const text of ["status", "!status 1", "history", "Active."]) await alice.says(text);
  expect(bob.heard.filter((text) => text.startsWith("ALERT"))).toHaveLength(1);
  for (const text of ["status is bad I bleed", "help", "at the bridge"]) await alice.says(text);
  expect(bob.heard.filter((text) => text.startsWith("ALERT")).map((text) => text.split(": ").at(-1))).toEqual([
    "responding, or ack",
    "status is bad I bleed",
    "help",
    "at the bridge",
  ]);
  await alice.says("cancel");
  expect(bob.heard.at(-1)).toBe("Incident 1 is taken back by Alice.");
});

describe("what happens by itself", () => {
  test("without an answer all are alerted again, then those of escalate_to too, and then no more", async () => {
    await using gateway = await start({ config: { responders: ["Ridge"], escalate_to: ["Valley"], check_in_minutes: 1440 } });
    await gateway.node("Alice").says("SOSM chest pain");
    expect(sentTo(gateway, "Valley")).toEqual([]);
    await gateway.advance({ hours: 2 });
    expect(sentTo(gateway, "Ridge").map((text) => text.slice(0, 30))).toEqual([
      "ALERT 1 MEDICAL HELP NEEDED: A",
      "ALERT 1 (round 2, nobody has a",
      "ALERT 1 (round 3, nobody has a",
      "ALERT 1 (round 4, nobody has a",
    ]);
    expect(sentTo(gateway, "Valley")).toHaveLength(3);
  });

  test("an answer ends the escalation, also over a restart", async () => {
    await using gateway = await start({ config: { responders: ["Ridge"], check_in_minutes: 1440 } });
    await gateway.node("Alice").says("SOS");
    await gateway.restart({ minutes: 2 });
    await gateway.node("Ridge").says("ack");
    await gateway.restart({ minutes: 30 });
    await gateway.advance({ hours: 1 });
    expect(sentTo(gateway, "Ridge").filter((text) => text.startsWith("ALERT"))).toHaveLength(1);
  });

  test("escalation is not lost by a restart", async () => {
    await using gateway = await start({ config: { responders: ["Ridge"] } });
    await gateway.node("Alice").says("SOS");
    await gateway.restart({ minutes: 6 });
    await gateway.advance({ minutes: 1 });
    expect(gateway.node("Ridge").heard.at(-1)).toContain("(round 2, nobody has answered)");
  });

  test("a silent sender is asked, and the responders hear of its silence; any sign of life ends that", async () => {
    await using gateway = await start({ config: { responders: ["Ridge"] } });
    const [alice, ridge] = [gateway.node("Alice"), gateway.node("Ridge")];
    await alice.says("SOS");
    await ridge.says("responding");
    await gateway.advance({ minutes: 16 });
    expect(alice.heard.at(-1)).toBe("Incident 1: are you all right? Answer with any text, or cancel 1 if it is over.");
    await gateway.advance({ minutes: 11 });
    expect(ridge.heard.at(-1)).toMatch(/^ALERT 1 Alice has not answered for 2\d min/);
    expect(await alice.asks("cold but fine")).toBe("Incident 1: passed on to Ridge.");
    expect(ridge.heard.at(-1)).toBe("ALERT 1 more from Alice: cold but fine");
    await gateway.advance({ minutes: 16 });
    expect(await alice.asks("still here")).toBe("Incident 1: good to hear from you. It stays open; cancel 1 if it is over.");
  });

  test("a sender who never answers is not asked for ever", async () => {
    await using gateway = await start({ config: { responders: ["Ridge"], expire_hours: 2 } });
    await gateway.node("Alice").says("SOS");
    await gateway.node("Ridge").says("ack");
    await gateway.advance({ minutes: 110 });
    const asked = sentTo(gateway, "Alice").filter((text) => text.includes("all right?"));
    const silent = sentTo(gateway, "Ridge").filter((text) => text.includes("has not answered"));
    expect([asked.length, silent.length]).toEqual([6, 3]);
    await gateway.advance({ minutes: 11 });
    expect(sentTo(gateway, "Alice").at(-1)).toBe("Incident 1 ended by itself.");
  });

  test("nothing runs and nothing is sent while no incident is open", async () => {
    await using gateway = await start();
    await gateway.node("Alice").says("SOS");
    await gateway.node("Alice").says("cancel");
    await gateway.advance({ minutes: 1 });
    expect(gateway.plugin.registered).not.toContainEqual({ kind: "task", name: "watch" });
    const { length } = gateway.sent;
    await gateway.advance({ days: 2 });
    expect(gateway.sent).toHaveLength(length);
  });
});

describe("how it ends", () => {
  test("by a responder: sender and responders hear of it", async () => {
    await using gateway = await start();
    await gateway.node("Alice").says("SOS");
    expect(await gateway.node("Ridge").asks("clear 1 found, all well")).toBe("Incident 1 is closed. This goes to Valley too.");
    expect(gateway.node("Alice").heard.at(-1)).toBe("Incident 1 is closed by Ridge: found, all well.");
    expect(gateway.node("Valley").heard.at(-1)).toBe("Incident 1 is closed by Ridge: found, all well.");
    expect(await gateway.node("Ridge").asks("active")).toBe("No open incident");
    expect(await gateway.node("Ridge").asks("incidents")).toBe("1 HELP NEEDED Alice 2026-01-05: closed by Ridge");
    expect(await gateway.node("Bob").asks("incidents")).toBe("Only responders and operators may read this");
  });

  test("by its sender, and an operator counts as a responder", async () => {
    await using gateway = await start({ config: {}, operators: ["Bob"] });
    await gateway.node("Alice").says("SOSF the hut burns");
    expect(sentTo(gateway, "Alice")).toEqual(["Incident 1 is recorded. Write what changes; cancel 1 if it is over."]);
    await gateway.node("Bob").says("responding");
    expect(gateway.node("Alice").heard.at(-1)).toBe("Incident 1: Bob is coming.");
    expect(await gateway.node("Alice").asks("cancel")).toBe("Incident 1 is closed. This goes to Bob too.");
    expect(gateway.node("Bob").heard.at(-1)).toBe("Incident 1 is taken back by Alice.");
    expect(await gateway.node("Alice").asks("cancel")).toBe("You have no open incident. Call for help: SOS and what happened");
  });

  test("a drill says so everywhere, ends by itself, and a call that is meant opens an incident of its own beside it", async () => {
    await using gateway = await start({ operators: ["Bob"] });
    const alice = gateway.node("Alice");
    await alice.says("SOS TEST: does it work?");
    await gateway.advance({ minutes: 2 });
    await gateway.node("Ridge").says("ack");
    for (const { text, plugin } of gateway.sent) if (plugin !== null || text.startsWith("ALERT")) expect(text).toContain("TEST");
    await alice.says("SOS now it is meant");
    expect(gateway.node("Ridge").heard.at(-1)).toStartWith("ALERT 2 HELP NEEDED: Alice");
    await gateway.advance({ minutes: 31 });
    expect(alice.heard).toContain("TEST incident 1: the test is over.");
    expect(await gateway.node("Ridge").asks("active")).toMatch(/^2 HELP NEEDED Alice/);
  });

  test.each(["test", "TEST: x", "Drill.", "Übung", "uebung - tal", "testing", "test of x", "", "no test", "test2", "TEST!"])(
    "the gateway and the plugin agree whether %p is a drill",
    (text) => expect(isDrill(text)).toBe(isCoreDrill(text)),
  );
});

describe("what nobody listed", () => {
  test("numbers, names and texts that make no sense get one clear answer", async () => {
    await using gateway = await start();
    const ridge = gateway.node("Ridge");
    const asked = ["ack", "responding 99", "status", "clear -1", "cancel 0", "active now please", "status 1; DROP TABLE incidents"];
    for (const text of asked)
      expect(await ridge.asks(text)).toMatch(/^(No open incident|There is no open incident|You have no open incident)/);
    expect(await ridge.asks("incidents")).toBe("There was no incident yet");
    expect(await ridge.asks("incidents x")).toBe("There was no incident yet");
    await gateway.node("Alice").says("SOS 1");
    await gateway.node("Bob").says("SOS 2");
    expect(await ridge.asks("ack")).toBe("Which one?\n1 Alice\n2 Bob");
    expect(await ridge.asks("ack #2")).toStartWith("Incident 2: Bob is told");
    expect(await ridge.asks("ack 2")).toStartWith("Incident 2: Bob is told");
    expect(await ridge.asks("active")).toBe("1 HELP NEEDED Alice, now\n2 HELP NEEDED Bob, now");
  });

  test("the longest texts and names stay within a packet, or go on in a second one; control characters do not go on the air", async () => {
    const name = "Ä".repeat(19);
    await using gateway = await start({ nodes: [...NODES, name], config: { responders: ["Ridge", name] } });
    await gateway.node(name).says(`SOS \u202e\u0007${"ß".repeat(90)}`);
    await gateway.advance({ minutes: 2 });
    await gateway.node("Ridge").says(`responding 1 ${"x".repeat(150)}`);
    await gateway.node(name).says("y".repeat(200));
    await gateway.node("Ridge").says(`clear 1 ${"é".repeat(90)}`);
    const mine = gateway.sent.filter(({ plugin }) => plugin === "emergency");
    for (const { text, parts } of mine) expect({ text, fits: parts <= (text.startsWith("ALERT") ? 3 : 1) }).toEqual({ text, fits: true });
    for (const { text } of mine) expect(text).not.toMatch(/[\u202e\u0007]/);
  });

  test("one sender does not fill the emergency lane: so much is passed on in ten minutes, the rest is noted", async () => {
    await using gateway = await start({ settings: { commands: { sender_rate: "1000/min" } } });
    const alice = gateway.node("Alice");
    await alice.says("SOS");
    for (let at = 0; at < 30; at++) await alice.says(`text ${at}`);
    expect(sentTo(gateway, "Ridge").filter((text) => text.includes("more from Alice"))).toHaveLength(20);
    expect(sentTo(gateway, "Alice").at(-1)).toBe("Incident 1: noted.");
    expect(await gateway.node("Ridge").asks("history 1")).toContain("text 29");
    await gateway.advance({ minutes: 11 });
    await alice.says("still here");
    expect(gateway.node("Ridge").heard.at(-1)).toContain("still here");
  });

  test("a second call of the same sender adds to the incident, and names its kind", async () => {
    await using gateway = await start();
    await gateway.node("Alice").says("SOS");
    expect(await gateway.node("Alice").asks("SOSM now he is unconscious")).toContain("Incident 1: passed on to Ridge, Valley.");
    expect(gateway.node("Ridge").heard.at(-1)).toBe("ALERT 1 more from Alice: now he is unconscious");
    expect(await gateway.node("Ridge").asks("active")).toBe("1 MEDICAL HELP NEEDED Alice, now");
  });

  test("a host that dies in the middle and a plugin that is restarted lose nothing", async () => {
    await using gateway = await start();
    gateway.node("Alice").sends("SOS leg");
    await gateway.advance({ seconds: 1 });
    await gateway.killHost();
    await gateway.advance({ minutes: 2 });
    expect(gateway.node("Ridge").heard.join("\n")).toContain("ALERT 1");
    expect(gateway.node("Alice").heard.join("\n")).toContain("Incident 1: 2 of 2 responders have it.");
  });

  test("in German", async () => {
    await using gateway = await start({ settings: { language: "de" } });
    await gateway.node("Alice").says("SOSM Bein gebrochen");
    await gateway.node("Ridge").says("responding");
    expect(gateway.node("Ridge").heard[0]).toBe(
      "ALARM 1 ARZT BENÖTIGT: Alice (!00000002), bei 47.02000 8.02600: Bein gebrochen. Antwort: responding 1 oder ack 1",
    );
    expect(gateway.node("Alice").heard.at(-1)).toBe("Notfall 1: Ridge kommt; 2 von 2 Helfern erreicht.");
  });
});
