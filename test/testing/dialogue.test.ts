/** context.ask through the real realm, router and database. */
import { afterAll, expect, test } from "bun:test";
import { startTestGateway } from "zephyrgate/testing";
import { removePlugins, writePlugin } from "./plugins.ts";

afterAll(removePlugins);

const MANIFEST = `permissions: [send_messages, database_access]
capabilities:
  commands:
    - { name: sum, description: "adds two numbers" }
    - { name: quiz, description: "asks one question" }
    - { name: both, description: "asks twice at once" }
    - { name: forget, description: "asks and does not wait" }
    - { name: ping2, description: "answers" }
  menu_items:
    - { menu: utilities, label: Survey, command: survey, description: "a question in a menu" }
`;

const MEMBERS = `
  runs = 0;
  override initialize() {
    this.registerCommand("sum", async (_args, context) => {
      this.runs += 1;
      const first = await context.ask("First number?");
      const second = await context.ask("Second number?", { timeout: 60 });
      if (first === null || second === null) return "No sum";
      return \`\${Number(first) + Number(second)} after \${this.runs} run(s)\`;
    });
    this.registerCommand("quiz", async (_args, context) => {
      context.sessionData.asked = (Number(context.sessionData.asked) || 0) + 1;
      await this.storeData("last", context.senderName);
      const answer = await context.ask("Highest peak?", { timeout: 30 });
      return answer === null ? "Too late" : \`\${answer}: \${answer === "K2" ? "nearly" : "no"} (question \${context.sessionData.asked}, \${await this.retrieveData("last", "")})\`;
    });
    this.registerCommand("both", async (_args, context) => {
      void context.ask("One?");
      try { await context.ask("Two?"); } catch (thrown) { this.log.warn(String(thrown)); }
      return "done";
    });
    this.registerCommand("forget", (_args, context) => { void context.ask("Well?"); return "ignored"; });
    this.registerCommand("ping2", () => "pong2");
    this.registerMenuItem("utilities", "Survey", async (context) => {
      const mood = await context.ask("How are you?");
      return mood === null ? "" : \`Noted: \${mood}\`;
    }, { command: "survey" });
  }`;

const start = (more: Partial<Parameters<typeof startTestGateway>[0]> = {}) =>
  startTestGateway({ plugin: writePlugin("talker", MANIFEST, MEMBERS), ...more });

test("a handler asks and goes on with the sender's next texts; others are answered meanwhile", async () => {
  await using gateway = await start();
  const [alice, bob] = [gateway.node("Alice"), gateway.node("Bob")];
  expect(await alice.asks("sum")).toBe("First number?");
  expect(await bob.asks("ping2")).toBe("pong2");
  expect(await bob.asks("sum")).toBe("First number?");
  expect(await alice.asks(" 2 ")).toBe("Second number?");
  expect(await bob.asks("40")).toBe("Second number?");
  expect(await alice.asks("3")).toBe("5 after 2 run(s)");
  expect(await bob.asks("2")).toBe("42 after 2 run(s)");
  expect(await alice.asks("ping2")).toBe("pong2");
});

test("exit, time and an emergency word end the question", async () => {
  await using gateway = await start();
  const alice = gateway.node("Alice");
  await alice.asks("quiz");
  expect(await alice.asks("Exit!")).toBe("Too late");
  expect(await alice.asks("quiz")).toBe("Highest peak?");
  await gateway.advance({ seconds: 31 });
  expect(gateway).toHaveSent("Too late");
  expect(await alice.asks("quiz")).toBe("Highest peak?");
  await alice.says("SOS");
  expect(await alice.asks("ping2")).toBe("pong2");
});

test("a command with the prefix ends the question and runs", async () => {
  await using gateway = await start();
  const alice = gateway.node("Alice");
  await alice.asks("quiz");
  expect(await alice.asks("!ping2")).toBe("pong2");
  expect(await alice.asks("ping2")).toBe("pong2");
});

test("help and a mistyped command tell the question, which waits on; menu leaves it; a command's bare name is an answer", async () => {
  await using gateway = await start();
  const alice = gateway.node("Alice");
  await alice.asks("quiz");
  for (const text of ["help", "?", " Help! ", "!pign2", "!", "!!!"])
    expect(await alice.asks(text)).toBe("You are asked: Highest peak? Answer it; exit leaves it. Commands here: !help");
  expect(await alice.asks("ping2")).toStartWith("ping2: no");
  await alice.asks("quiz");
  expect(await alice.asks("!help")).toStartWith("Commands");
  expect(await alice.asks("sum")).toBe("First number?");
  expect(await alice.asks("menu")).toStartWith("MAIN");
  expect(await alice.asks("exit")).toContain("Menu closed");
  for (const leave of ["!exit", "quit", "Q.", "!stop"]) {
    await alice.asks("quiz");
    expect(await alice.asks(leave)).toBe("Too late");
    await gateway.advance({ minutes: 2 });
  }
});

test("help tells the question on a channel and after a restart too", async () => {
  await using gateway = await start();
  const alice = gateway.node("Alice");
  await alice.says("!quiz", { channel: 0 });
  expect(await alice.asks("help", { channel: 0 })).toStartWith("You are asked: Highest peak?");
  expect(await alice.asks("menu", { channel: 0 })).toStartWith("menu: no");
  await alice.asks("quiz");
  await gateway.restart({ seconds: 5 });
  expect(await alice.asks("help")).toStartWith("You are asked: Highest peak?");
  expect(await alice.asks("K2")).toStartWith("K2: nearly");
});

test("a node's id is an answer, although it begins with the prefix", async () => {
  await using gateway = await start();
  const alice = gateway.node("Alice");
  await alice.asks("quiz");
  expect(await alice.asks(" !0a0b0c0d ")).toStartWith("!0a0b0c0d: no");
});

test("session data changed before the question is kept, and a menu item may ask", async () => {
  await using gateway = await start();
  const alice = gateway.node("Alice");
  await alice.asks("quiz");
  expect(await alice.asks("K2")).toBe("K2: nearly (question 1, Alice)");
  await alice.asks("quiz");
  expect(await alice.asks("Etna")).toBe("Etna: no (question 2, Alice)");
  await alice.says("menu");
  await alice.says("utilities");
  expect(await alice.asks("survey")).toBe("How are you?");
  expect(await alice.asks("fine")).toBe("Noted: fine");
});

test("on a channel only the same channel answers", async () => {
  await using gateway = await start();
  const alice = gateway.node("Alice");
  expect(await alice.says("!sum", { channel: 0 })).toEqual(["First number?"]);
  expect(await alice.asks("ping2")).toBe("pong2");
  expect(await alice.says("1", { channel: 0 })).toEqual(["Second number?"]);
  expect(await alice.says("1", { channel: 0 })).toEqual(["2 after 1 run(s)"]);
});

test("two questions at once are refused, and one that nobody waits for harms nothing", async () => {
  await using gateway = await start();
  const alice = gateway.node("Alice");
  expect(await alice.asks("both")).toBe("One?");
  expect(gateway).toHaveLogged(/A question is open already/);
  await alice.says("x");
  expect(await alice.asks("forget")).toBe("Well?");
  await alice.says("y");
  expect(await alice.asks("ping2")).toBe("pong2");
});

test("after the host was killed the handler runs again with the answers it had", async () => {
  await using gateway = await start();
  const alice = gateway.node("Alice");
  await alice.asks("sum");
  expect(await alice.asks("20")).toBe("Second number?");
  await gateway.killHost();
  expect(await alice.asks("22")).toBe("42 after 1 run(s)");
});

test("a gateway that is soon back goes on with the question", async () => {
  await using gateway = await start();
  const alice = gateway.node("Alice");
  await alice.asks("sum");
  expect(await alice.asks("20")).toBe("Second number?");
  await gateway.restart({ seconds: 20 });
  expect(await gateway.node("Alice").asks("22")).toBe("42 after 1 run(s)");
  await gateway.node("Alice").asks("sum");
  await gateway.restart({ minutes: 5 });
  expect(await gateway.node("Alice").asks("ping2")).toBe("pong2");
});
