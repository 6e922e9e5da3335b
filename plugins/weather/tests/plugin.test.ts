import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { startTestGateway, type TestGateway, type TestOptions } from "zephyrgate/testing";
import {
  ALERTS,
  alerts,
  EUROPE,
  europeanAlerts,
  FORECAST,
  GERMAN_ALERTS,
  germanAlerts,
  nationalWeather,
  openMeteo,
  PLACES,
  places,
} from "./services.ts";

const DENVER = { place: "Denver", latitude: 39.74, longitude: -104.99 };
const STORM = "https://api.weather.gov/alerts/urn:oid:storm";

async function start(options: Partial<TestOptions> = {}): Promise<TestGateway> {
  const gateway = await startTestGateway({ plugin: `${import.meta.dir}/..`, ...options });
  openMeteo(gateway);
  places(gateway);
  alerts(gateway, []);
  return gateway;
}

const requestsTo = (gateway: TestGateway, url: string) => gateway.http.requests.filter((request) => request.url.startsWith(url));

describe("where", () => {
  test("where the sender is, to two decimals", async () => {
    await using gateway = await start({ config: DENVER });
    await gateway.node("Alice").moves({ latitude: 47.123456, longitude: 8.987654 });
    expect(await gateway.node("Alice").asks("wx")).toBe(
      "Here: 18°C, light rain, wind 12 km/h SW, gusts 32 km/h, humidity 64%, rain 0.2 mm",
    );
    expect(requestsTo(gateway, FORECAST)[0]?.url).toContain("latitude=47.12&longitude=8.99");
  });

  test("else the default, and without one nothing is asked of any service", async () => {
    await using gateway = await start({ nodes: [{ name: "Alice", latitude: 0, longitude: 0 }] });
    expect(await gateway.node("Alice").asks("wx")).toBe("I do not know where you are. Name a place: wx Zurich");
    expect(await gateway.node("Alice").asks("forecast")).toBe("I do not know where you are. Name a place: forecast Zurich");
    await gateway.advance({ days: 2 });
    expect(gateway.http.requests).toEqual([]);
    await gateway.plugin.configure({ place: "Zurich" });
    expect(await gateway.node("Alice").asks("weather")).toStartWith("Zürich: 18°C");
  });

  test("a place by name, asked for once; one that does not exist", async () => {
    await using gateway = await start();
    for (const who of ["Alice", "Bob"]) expect(await gateway.node(who).asks("wx zurich")).toStartWith("Zürich: ");
    expect([requestsTo(gateway, PLACES).length, requestsTo(gateway, FORECAST).length]).toEqual([1, 1]);
    expect(await gateway.node("Alice").asks("wx Nowhere At All")).toBe("No place is called Nowhere At All");
    expect(await gateway.node("Alice").asks(`wx ${"ü".repeat(90)}`)).toBe(`No place is called ${"ü".repeat(40)}`);
  });
});

describe("what is told", () => {
  test("forecast of so many days, in one message", async () => {
    await using gateway = await start({ config: DENVER, nodes: ["Alice"] });
    const alice = gateway.node("Alice");
    expect(await alice.asks("forecast zurich")).toBe(
      "Zürich\nMon 18°/9° light rain 60%\nTue 15°/8° overcast 10%\nWed 22°/11° thunderstorm 90%",
    );
    for (const asked of ["forecast 7 zurich", "fc 99 zurich"]) {
      const text = await alice.asks(asked);
      expect(Buffer.byteLength(text)).toBeLessThanOrEqual(200);
      expect(text.split("\n").length).toBeGreaterThan(6);
    }
    expect((await alice.asks("forecast 0 zurich")).split("\n")).toHaveLength(2);
    expect(await alice.asks("forecast zurich 5")).toBe(await alice.asks("forecast 5 zurich"));
  });

  test("units by configuration", async () => {
    await using gateway = await start({ config: { ...DENVER, units: "imperial" } });
    expect(await gateway.node("Alice").asks("wx zurich")).toBe(
      "Zürich: 64°F, light rain, wind 8 mph SW, gusts 20 mph, humidity 64%, rain 0.01 in",
    );
  });

  test("from the weather service of the United States", async () => {
    await using gateway = await start({
      config: { ...DENVER, source: "nws", units: "imperial" },
      nodes: [{ name: "Alice", latitude: 0, longitude: 0 }],
    });
    nationalWeather(gateway);
    expect(await gateway.node("Alice").asks("wx")).toBe("Denver: 41°F, partly sunny, wind 10 mph NW");
    expect(await gateway.node("Alice").asks("forecast")).toBe(
      "Denver\nMon 41°/23° partly sunny 40%\nTue 50°/- slight chance snow showers 40%",
    );
    gateway.http.respond("https://api.weather.gov/points/*", { status: 404, json: { title: "Data Unavailable For Requested Point" } });
    expect(await gateway.node("Alice").asks("wx zurich")).toBe("The US weather service knows no Zürich");
  });

  test("in German", async () => {
    await using gateway = await start({ settings: { language: "de" } });
    expect(await gateway.node("Alice").asks("wx Zürich")).toBe(
      "Zürich: 18°C, leichter Regen, Wind 12 km/h SW, Böen 32 km/h, Feuchte 64%, Regen 0,2 mm",
    );
    expect(requestsTo(gateway, PLACES)[0]?.url).toContain("language=de");
  });
});

describe("without the internet", () => {
  test("the last answer is told with its age, for a day", async () => {
    await using gateway = await start();
    await gateway.node("Alice").says("wx zurich");
    gateway.http.respond(/./, { error: "refused" });
    await gateway.advance({ hours: 3 });
    expect(await gateway.node("Alice").asks("wx zurich")).toEndWith("rain 0.2 mm (3 h old)");
    expect(await gateway.node("Alice").asks("forecast zurich")).toStartWith("Zürich (3 h old)\n");
    await gateway.restart({ hours: 1 });
    expect(await gateway.node("Alice").asks("wx zurich")).toEndWith("(4 h old)");
    await gateway.advance({ days: 1 });
    expect(await gateway.node("Alice").asks("wx zurich")).toBe("The service that finds places does not answer, try later");
  });

  test.each([
    { status: 503 },
    { status: 429, headers: { "retry-after": "60" }, json: { error: true, reason: "Minutely API request limit exceeded" } },
    { text: '{"current": {"temperature_2m": 17.6, "wind_sp', headers: { "content-type": "application/json" } },
    { text: "<html>captive portal</html>" },
    { json: [] },
    { json: { current: { temperature_2m: "warm" } } },
    { json: { current: null, daily: 7 } },
    { json: { current_units: { temperature_2m: "°F" }, current: { temperature_2m: 64, wind_speed_10m: 5 } } },
    { error: "silence" } as const,
  ])("an answer that is none (%p) is said", async (answer) => {
    await using gateway = await start();
    gateway.http.respond(FORECAST, answer);
    expect(await gateway.node("Alice").asks("wx zurich")).toBe("The weather service does not answer, try later");
  });

  test("sun and moon need none", async () => {
    await using gateway = await start({ config: { time_zone: "Europe/Zurich" }, now: "2026-06-21T10:00:00Z" });
    gateway.http.respond(/./, { error: "refused" });
    await gateway.node("Alice").moves({ latitude: 47.37, longitude: 8.54 });
    // As the almanac has it for Zurich, to a minute.
    expect(await gateway.node("Alice").asks("sun")).toMatch(
      /^Here: sunrise 05:(?:28|29|30), sunset 21:2[5-7], light from 04:[45]\d to 22:0\d$/,
    );
    expect(await gateway.node("Alice").asks("moon")).toMatch(/^First quarter, 4\d% lit\. Here: rises 13:\d\d, sets 01:\d\d\. /);
    expect(await gateway.node("Alice").asks("moon")).toContain("Full moon 2026-06-30, new moon 2026-07-14");
    await gateway.node("Bob").moves({ latitude: 78.22, longitude: 15.65 });
    expect(await gateway.node("Bob").asks("sun")).toBe("Here: the sun does not set today");
    await gateway.node("Bob").moves({ latitude: -78, longitude: 15.65 });
    expect(await gateway.node("Bob").asks("sun")).toBe("Here: the sun does not rise today");
  });

  test("the day of the change of summer time, the 180th meridian, and the pole", async () => {
    await using gateway = await start({ config: { time_zone: "Europe/Zurich" }, now: "2026-03-29T00:30:00Z" });
    const alice = gateway.node("Alice");
    await alice.moves({ latitude: 47.37, longitude: 8.54 });
    expect(await alice.asks("sun")).toMatch(/^Here: sunrise 07:1\d, sunset 19:5\d, light from 06:4\d to 20:2\d$/);
    for (const longitude of [180, -180, 179.99]) {
      await alice.moves({ latitude: -17, longitude });
      expect(await alice.asks("sun")).toMatch(/^Here: sunrise \d\d:\d\d, sunset \d\d:\d\d, light from \d\d:\d\d to \d\d:\d\d$/);
      expect(await alice.asks("moon")).toMatch(/% lit/);
    }
    await alice.moves({ latitude: 89.9, longitude: 0 });
    expect(await alice.asks("sun")).toMatch(/^Here: the sun does not (?:set|rise) today$/);
    // White nights: the sun sets, and it does not become dark.
    gateway.setClock("2026-06-21T10:00:00Z");
    await alice.moves({ latitude: 60.1, longitude: 24.9 });
    expect(await alice.asks("sun")).toMatch(/^Here: sunrise \d\d:\d\d, sunset \d\d:\d\d, light from/);
  });

  test("the moon has its phase without a place", async () => {
    await using gateway = await start({ nodes: [{ name: "Alice", latitude: 0, longitude: 0 }], now: "2026-01-03T08:00:00Z" });
    // It was full at 10:03 UTC.
    expect(await gateway.node("Alice").asks("moon")).toBe("Full moon, 100% lit. Full moon 2026-01-03, new moon 2026-01-18");
    await gateway.advance({ hours: 4 });
    expect(await gateway.node("Alice").asks("moon")).toBe("Full moon, 100% lit. Full moon 2026-02-01, new moon 2026-01-18");
    expect(await gateway.node("Alice").asks("sun")).toBe("I do not know where you are. Name a place: sun Zurich");
  });
});

describe("warnings", () => {
  test("are listed, and elsewhere that is said", async () => {
    await using gateway = await start({ config: DENVER, nodes: [{ name: "Alice", latitude: 0, longitude: 0 }] });
    expect(await gateway.node("Alice").asks("wxalerts")).toBe("Denver: no warnings");
    await gateway.advance({ minutes: 20 });
    alerts(gateway, [{ id: STORM }, { id: "https://api.weather.gov/alerts/2", event: "Wind Advisory", severity: "Minor" }]);
    expect(await gateway.node("Alice").asks("alerts")).toBe(
      "Denver\nWinter Storm Warning (Severe) until 2026-01-06 01:00\nWind Advisory (Minor) until 2026-01-06 01:00",
    );
    gateway.http.respond(ALERTS, { status: 404, json: { title: "out of bounds" } });
    await gateway.node("Alice").moves({ latitude: -33.9, longitude: 18.4 });
    expect(await gateway.node("Alice").asks("alerts")).toBe(
      "Here: no service with warnings is known. In Europe name the place: wxalerts Bern",
    );
  });

  test("for the rest of Europe they are those that name the place or what it lies in, or whose outline holds it", async () => {
    await using gateway = await start({
      config: { latitude: 48.21, longitude: 16.37, warnings: { country: "AT", areas: ["AT901", "Wien"] } },
    });
    const alice = gateway.node("Alice");
    const around = "47.2,8.3 47.6,8.3 47.6,8.8 47.2,8.8 47.2,8.3";
    europeanAlerts(gateway, "switzerland", [
      { area: "Zurich district", title: "Yellow Snow-Ice Warning issued for Switzerland - Zurich", severity: "Moderate" },
      { area: "Somewhere &amp; more", polygon: around, title: "Red Rain Warning issued for Switzerland - Somewhere", severity: "Extreme" },
      { area: "Zürich", expires: "2026-01-05T11:00:00+01:00" },
      { area: "Zürich", status: "Test" },
      { area: "Zürich", message_type: "Cancel" },
      { area: "Bern" },
      { area: "Elsewhere", polygon: "1,1 2,1 2,2" },
    ]);
    expect(await alice.asks("wxalerts zurich")).toBe(
      "Zürich\nrain (Extreme) until 2026-01-05 22:00\nsnow or ice (Moderate) until 2026-01-05 22:00",
    );
    europeanAlerts(gateway, "switzerland", [{ area: "Bern" }]);
    await gateway.advance({ minutes: 16 });
    expect(await alice.asks("wxalerts zurich")).toBe("Zürich: no warning names Zürich, Zurich, Zürich District");
    // Half a feed, and none: the warnings before are told with their age.
    gateway.http.respond(`${EUROPE}switzerland`, { text: "<feed><entry><cap:areaDesc>Zürich</cap:areaDesc>" });
    await gateway.advance({ minutes: 16 });
    expect(await alice.asks("wxalerts zurich")).toEndWith("(16 min old)");
    europeanAlerts(gateway, "austria", [
      { area: "Innere Stadt", code: "AT901", title: "Orange Thunderstorm Warning issued for Austria - Wien" },
    ]);
    await alice.moves({ latitude: 48.3, longitude: 16.4 });
    expect(await alice.asks("wxalerts")).toBe("Here\nthunderstorms (Severe) until 2026-01-05 22:00");
    expect(gateway.denied).toEqual([]);
  });

  test("a feed of a thousand entries is read without a fault", async () => {
    await using gateway = await start();
    const many = Array.from({ length: 999 }, (_, at) => ({ area: `Area ${at}`, code: `CH${at}` }));
    europeanAlerts(gateway, "switzerland", [...many, { area: "Zürich" }]);
    expect(await gateway.node("Alice").asks("wxalerts zurich")).toStartWith("Zürich\nwind (Severe)");
  });

  test("for places in Germany they come from its weather service, in the language of the mesh; nobody else is made known to it", async () => {
    await using gateway = await start({
      settings: { language: "de" },
      config: DENVER,
      nodes: [{ name: "Alice", latitude: 0, longitude: 0 }],
    });
    const alice = gateway.node("Alice");
    germanAlerts(gateway, [
      {},
      { status: "test" },
      { event_code: 22, event_de: "FROST", severity: "minor", expires: null },
      { event_en: 7, event_de: null },
      { id: 5, alert_id: "again" },
    ]);
    expect(await alice.asks("alerts husum")).toBe("Husum\nOrkanartige Böen (schwer) bis 2026-01-05 20:00\nFrost (gering)");
    expect(requestsTo(gateway, GERMAN_ALERTS)[0]?.url).toContain("lat=54.49&lon=9.05");
    await alice.asks("alerts");
    expect(requestsTo(gateway, GERMAN_ALERTS)).toHaveLength(1);
    germanAlerts(gateway, 404);
    europeanAlerts(gateway, "switzerland", [{ area: "Zürich", title: "Orange Snow-Ice Warning issued for Switzerland - Zürich" }]);
    expect(await alice.asks("alerts zurich")).toBe("Zürich\nSchnee oder Eis (schwer) bis 2026-01-05 22:00");
    for (const answer of [{ json: { alerts: "x" } }, { json: [] }, { error: "refused" }] as const) {
      gateway.http.respond(GERMAN_ALERTS, answer as never);
      await gateway.advance({ days: 2 });
      expect(await alice.asks("alerts husum")).toBe("Der Wetterdienst antwortet nicht, versuch es später");
    }
  });

  test("the watch tells a German warning once, although it is issued again under new ids, and again when it gets worse", async () => {
    const config = { place: "Husum", latitude: 54.49, longitude: 9.05, watch: { nodes: ["Bob"] } };
    await using gateway = await start({ config, nodes: ["Bob"] });
    germanAlerts(gateway, [{}]);
    await gateway.advance({ hours: 1 });
    germanAlerts(gateway, [{ alert_id: "new", id: 9, effective: "2026-01-05T12:30:00+00:00" }]);
    await gateway.advance({ hours: 1 });
    expect(gateway.node("Bob").heard).toEqual(["WEATHER WARNING Official WARNING of STORM FORCE GUSTS"]);
    germanAlerts(gateway, [{ severity: "extreme", headline_en: "Official WARNING of HURRICANE FORCE GUSTS" }]);
    await gateway.advance({ hours: 1 });
    expect(gateway.node("Bob").heard.at(-1)).toBe("WEATHER WARNING Official WARNING of HURRICANE FORCE GUSTS");
  });

  test("new ones are sent once, also over a restart; updates and lesser ones are not", async () => {
    await using gateway = await start({ config: { ...DENVER, watch: { channels: ["Local"], nodes: ["Bob", "Nobody"] } } });
    alerts(gateway, [{ id: STORM }, { id: "https://api.weather.gov/alerts/2", event: "Frost", severity: "Minor" }]);
    await gateway.advance({ hours: 1 });
    await gateway.restart({ hours: 1 });
    alerts(gateway, [{ id: "https://api.weather.gov/alerts/3", replaces: [STORM] }]);
    await gateway.advance({ hours: 2 });
    const text = "WEATHER WARNING Winter Storm Warning until 6 PM by NWS Denver";
    expect(gateway.sent.map((sent) => [sent.to, sent.channel, sent.text])).toEqual([
      ["broadcast", 1, text],
      ["Bob", 0, text],
    ]);
    expect(gateway).toHaveLogged(/could not be sent/);
  });

  test("nothing is sent and nothing is looked up where nobody is to be told", async () => {
    await using gateway = await start({ config: DENVER });
    alerts(gateway, [{ id: STORM }]);
    await gateway.advance({ days: 1 });
    expect([gateway.sent, gateway.http.requests]).toEqual([[], []]);
  });

  test("a flood of warnings is sent a few at a time", async () => {
    await using gateway = await start({ config: { ...DENVER, watch: { nodes: ["Bob"] } } });
    alerts(
      gateway,
      Array.from({ length: 12 }, (_, at) => ({ id: `https://api.weather.gov/alerts/${at}` })),
    );
    await gateway.advance({ minutes: 16 });
    expect(gateway.sent).toHaveLength(5);
    await gateway.advance({ hours: 1 });
    expect(gateway.sent).toHaveLength(12);
  });
});

test("the computation of sun and moon is the published package, unchanged", () => {
  const read = (path: string) => readFileSync(`${import.meta.dir}/${path}`, "utf8");
  expect(read("../vendor/suncalc.js")).toBe(read("../../../node_modules/suncalc/index.js"));
  expect(read("../vendor/suncalc.d.ts")).toBe(read("../../../node_modules/suncalc/index.d.ts"));
});
