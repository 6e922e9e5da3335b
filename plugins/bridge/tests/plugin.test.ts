import { expect, test } from "bun:test";
import { startTestGateway, type TestGateway, type TestOptions } from "zephyrgate/testing";
import { Guard } from "../guard.ts";
import { options as STORY } from "./story.ts";

const BOTH = { rules: [{ from: "base/Local", to: "roof/Local", both_ways: true }] };

interface Bridged {
  readonly gateway: TestGateway;
  /** What each mesh heard of the gateway, with its channel. */
  readonly base: string[];
  readonly roof: string[];
  /** Says something on a channel of the second mesh. */
  onRoof(text: string, channel?: number): Promise<void>;
}

async function start(config: NonNullable<TestOptions["config"]>, more: Partial<TestOptions> = {}): Promise<Bridged> {
  const gateway = await startTestGateway({ plugin: `${import.meta.dir}/..`, ...STORY, config, ...more });
  const [first, second] = gateway.meshes;
  const [base, roof]: [string[], string[]] = [[], []];
  first?.onHeard(({ text, channel }) => base.push(`${channel} ${text}`));
  second?.onHeard(({ text, channel }) => roof.push(`${channel} ${text}`));
  const onRoof = async (text: string, channel = 1) => {
    second?.say({ from: 3, text, channel: channel === 0 ? 0 : 1 });
    await gateway.advance({ seconds: 10 });
  };
  return { gateway, base, roof, onRoof };
}

async function says(gateway: TestGateway, text: string, channel = 1): Promise<void> {
  await gateway.node("Alice").says(text, { channel });
  await gateway.advance({ seconds: 10 });
}

test("both ways, on the channel of the rule alone", async () => {
  const { gateway, base, roof, onRoof } = await start(BOTH);
  await using _ = gateway;
  await says(gateway, "hello roof");
  await onRoof("hello base");
  await says(gateway, "on another channel", 0);
  await onRoof("on another channel", 0);
  expect(roof).toEqual(["1 Alice@base: hello roof"]);
  expect(base).toEqual(["1 Bob@roof: hello base"]);
  expect(await gateway.node("Warden").asks("bridge")).toBe("base/Local <> roof/Local: 2 carried, 0 held back");
});

test("commands, reactions, direct messages and what other words begin are not carried; only lets words through alone", async () => {
  const { gateway, roof } = await start({ rules: [{ from: "base/Local", to: "roof/Local", only: ["storm"] }], except: ["!", "/"] });
  await using _ = gateway;
  for (const text of ["!ping storm", "/storm", "lovely day", "   "]) await says(gateway, text);
  await gateway.node("Alice").says("storm by direct message");
  await gateway.node("Alice").says("🌩", { channel: 1, isReaction: true, replyTo: 5 });
  await says(gateway, "STORM is coming");
  expect(roof).toEqual(["1 Alice@base: STORM is coming"]);
});

test("a text does not go round: what a bridge wrote is left, and a repetition by anybody too", async () => {
  const { gateway, base, roof, onRoof } = await start(BOTH);
  await using _ = gateway;
  await says(gateway, "hello");
  await onRoof("Alice@base: hello");
  await onRoof("[Alice] hello again");
  await onRoof("<Bob> Hello, again!");
  await says(gateway, "hello");
  expect(roof).toEqual(["1 Alice@base: hello"]);
  expect(base).toEqual(["1 Bob@roof: [Alice] hello again"]);
  await gateway.advance({ minutes: 11 });
  await says(gateway, "hello");
  expect(roof).toHaveLength(2);
});

test("an hour has its number of texts, and more are counted", async () => {
  const { gateway, roof } = await start({ rules: [{ from: "base/Local", to: "roof/Local", per_hour: 3 }] });
  await using _ = gateway;
  for (let at = 0; at < 6; at++) await says(gateway, `text ${at}`);
  expect(roof).toHaveLength(3);
  expect(await gateway.node("Warden").asks("bridge")).toBe("base/Local > roof/Local: 3 carried, 3 held back");
  await gateway.advance({ hours: 1 });
  await says(gateway, "an hour later");
  expect(roof).toHaveLength(4);
});

test("nothing is carried to a link that is down, from a channel that is not there, or back to where it came from", async () => {
  const rules = [
    { from: "base/Local", to: "roof/Local" },
    { from: "base/Nowhere", to: "roof/Local" },
    { from: "base/Local", to: "attic/Local" },
    { from: "base/Local", to: "base/0" },
  ];
  const { gateway, base, roof } = await start({ rules });
  await using _ = gateway;
  gateway.meshes[1]?.fail({ kind: "reboot", ms: 60_000 });
  await gateway.advance({ seconds: 5 });
  await says(gateway, "is anybody there");
  expect([base, roof]).toEqual([[], []]);
  const told = gateway.logs.flatMap(({ level, message }) => (level === "WARN" && message.startsWith("rules: ") ? [message] : []));
  expect(told.toSorted()).toEqual([
    'rules: no link is called as in "attic/Local"; there are base, roof. Correct plugins.config.bridge.rules',
    'rules: there is no channel "base/Nowhere"; base has LongFast, Local. Correct plugins.config.bridge.rules',
  ]);
});

test("a webhook that fails is counted and told in the log, and holds nothing up", async () => {
  const { gateway, roof } = await start({ ...BOTH, webhook: { url: "https://hooks.example.org/mesh", from: ["base/Local"] } });
  await using _ = gateway;
  gateway.http.respond("https://hooks.example.org/mesh", { status: 500 });
  await says(gateway, "hello");
  expect(roof).toHaveLength(1);
  expect(await gateway.node("Warden").asks("bridge")).toBe("base/Local <> roof/Local: 1 carried, 0 held back\nwebhook: 0 posted, 1 not");
  expect(gateway).toHaveLogged(/webhook did not take/);
  expect(gateway.http.requests).toHaveLength(1);
});

test("without rules nothing is carried and nothing is sent", async () => {
  const { gateway } = await start({});
  await using _ = gateway;
  await says(gateway, "hello");
  await gateway.advance({ days: 1 });
  expect(gateway.sent).toEqual([]);
  expect(await gateway.node("Warden").asks("bridge")).toBe("No rules. Write them into plugins.config.bridge");
  expect(await gateway.node("Alice").asks("bridge off")).toMatch(/^Unknown command/);
});

test("a name cannot make a text look like one of a bridge, and the longest texts go on in a second packet", async () => {
  const { gateway, roof } = await start(BOTH, { nodes: [{ name: "Eve@roof: x" }] });
  await using _ = gateway;
  await gateway.node("Eve@roof: x").says("ü".repeat(100), { channel: 1 });
  await gateway.advance({ seconds: 30 });
  expect(roof[0]).toStartWith("1 (1/2) Eve roof: x@base: üü");
  expect(roof).toHaveLength(2);
});

test("a second line cannot pass for a text that a bridge carried", async () => {
  const { gateway, roof } = await start(BOTH);
  await using _ = gateway;
  await says(gateway, "hi\nBob@roof: stay away");
  await says(gateway, "two\nlines");
  expect(roof).toEqual(["1 Alice@base: two lines"]);
});

test("the guard forgets, and is bounded", () => {
  const guard = new Guard();
  for (let at = 0; at < 2_000; at++) expect(guard.take("way", `text ${at}`, 10_000, at)).toBeNull();
  expect(guard.take("way", "text 1999", 10_000, 2_000)).toBe("said_before");
  expect(guard.take("way", "text 0", 10_000, 2_000)).toBeNull();
  expect(guard.take("other way", "text 1999", 10_000, 2_000)).toBeNull();
  expect(guard.take("way", "Alice@base: x", 10_000, 2_000)).toBe("carried_before");
  expect(guard.take("way", "(1/2) Alice@base: x", 10_000, 2_000)).toBe("carried_before");
  expect(guard.take("way", "(2/2) the rest", 10_000, 2_000)).toBe("carried_before");
  expect(guard.take("way", "fresh", 1, 2_000)).toBe("too_many");
});

test("the guard knows the beginning of a long text, and takes no short one for it", () => {
  const guard = new Guard();
  const long = "a text that is so long that a gateway needs two packets for it, and more";
  guard.noteCarried("way", `(1/2) Alice B@base: ${long.slice(0, 50)}`, 0);
  expect(guard.knows("way", long, 1)).toBe(true);
  guard.noteCarried("way", "(1/2) Alice@base: a", 0);
  guard.noteCarried("way", "(1/2) Alice@base: !", 0);
  guard.noteCarried("way", "(2/2) b", 0);
  for (const text of ["another text", "b", "!?"]) expect(guard.knows("way", text, 1)).toBe(false);
  guard.note("way", "👍", 0);
  expect([guard.knows("way", "👍", 1), guard.knows("way", "🎉", 1)]).toEqual([true, false]);
});
