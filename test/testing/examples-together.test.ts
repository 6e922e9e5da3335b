/** All examples in one gateway, as a newcomer meets them. */
import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { startTestGateway } from "zephyrgate/testing";

const EXAMPLES = join(import.meta.dir, "../../examples");
const names = readdirSync(EXAMPLES).sort();

test("there are the eight, one of them in two halves", () => {
  expect(names).toEqual([
    "custom_menu",
    "data_logger",
    "hello_world",
    "multi_command",
    "plugin_communicator",
    "plugin_communicator_peer",
    "region_scores",
    "scheduled_reporter",
    "weather_alert",
  ]);
});

test("all run together, and each answers", async () => {
  await using gateway = await startTestGateway({ plugin: names.map((name) => join(EXAMPLES, name)), operators: ["Warden"] });
  gateway.http.respond(/open-meteo/, { json: { current: { temperature_2m: 3, wind_speed_10m: 40 } } });
  gateway.http.respond(/weather\.gov/, {
    json: { features: [{ id: "a", properties: { event: "Gale", severity: "Extreme", headline: "Gale" } }] },
  });
  expect(names.filter((name) => gateway.pluginNamed(name).state !== "running")).toEqual([]);
  const alice = gateway.node("Alice");
  await alice.moves({ latitude: 46, longitude: 7 });
  const answers: readonly [string, RegExp][] = [
    ["hello", /^Hello Alice!$/],
    ["weather", /^3°C, wind 40 km\/h$/],
    ["track", /^Alice: 46\.0000 7\.0000/],
    ["logged", /^1 positions/],
    ["score 42", /^A new best!$/],
    ["roll 2d6", /^\d \+ \d = \d+$/],
    ["report", /link up/],
    ["convert 5 mi", /^5 mi are 8\.0 km$/],
    ["peers", /^plugin_communicator_peer: asked 1 times$/],
    ["menu camp water", /^Spring 1 of 2/],
    ["q", /closed/],
    ["help", /announce|alerts/],
  ];
  for (const [text, wanted] of answers) expect(await alice.asks(text)).toMatch(wanted);
  await gateway.advance({ hours: 20 });
  expect(gateway).toHaveSent("EXTREME: Gale", { plugin: "weather_alert" });
  expect(gateway).toHaveSent(/link up/, { plugin: "scheduled_reporter", to: "broadcast" });
  expect(gateway.denied).toEqual([]);
  expect(gateway.logs.filter((line) => line.level === "ERROR")).toEqual([]);
  expect(names.filter((name) => gateway.pluginNamed(name).state !== "running")).toEqual([]);
});
