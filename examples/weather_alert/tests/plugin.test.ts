import { expect, test } from "bun:test";
import { startTestGateway, type TestGateway, type TestOptions } from "zephyrgate/testing";

const WEATHER = "https://api.open-meteo.com/v1/forecast";
const ALERTS = "https://api.weather.gov/alerts/active";
const storm = { id: "urn:alert:1", properties: { event: "Storm", severity: "Severe", headline: "Storm until 9 pm" } };
const frost = { id: "urn:alert:2", properties: { event: "Frost", severity: "Minor", headline: "Frost at night" } };

function weather(gateway: TestGateway, celsius: number): void {
  gateway.http.respond(WEATHER, { json: { current: { temperature_2m: celsius, wind_speed_10m: 12.4 } } });
}

/** A gateway whose internet has both services. */
async function start(options: Partial<TestOptions> = {}): Promise<TestGateway> {
  const gateway = await startTestGateway({ plugin: `${import.meta.dir}/..`, ...options });
  gateway.http.respond(ALERTS, { json: { features: [] } });
  weather(gateway, 20.6);
  return gateway;
}

const requestsTo = (gateway: TestGateway, url: string) => gateway.http.requests.filter((request) => request.url.startsWith(url));

test("tells the weather at the configured place", async () => {
  await using gateway = await start({ config: { latitude: 47.1, longitude: 8.5 } });
  expect(await gateway.node("Alice").asks("weather")).toBe("21°C, wind 12 km/h");
  expect(requestsTo(gateway, WEATHER)[0]?.url).toContain("latitude=47.1&longitude=8.5");
});

test("asks the service once in ten minutes", async () => {
  await using gateway = await start();
  await gateway.node("Alice").says("weather");
  weather(gateway, 5);
  expect(await gateway.node("Bob").asks("weather")).toStartWith("21°C");
  expect(requestsTo(gateway, WEATHER)).toHaveLength(1);
  await gateway.advance({ minutes: 11 });
  expect(await gateway.node("Bob").asks("weather")).toStartWith("5°C");
});

test("says so when the service fails, and tries again before", async () => {
  await using gateway = await start();
  gateway.http.respond(WEATHER, { status: 503 });
  expect(await gateway.node("Alice").asks("weather")).toMatch(/does not answer/);
  expect(requestsTo(gateway, WEATHER)).toHaveLength(3);
  expect(gateway).toHaveLogged("no weather");
});

test("an answer of another shape is no weather", async () => {
  await using gateway = await start();
  gateway.http.respond(WEATHER, { json: { current: { temperature_2m: "warm" } } });
  expect(await gateway.node("Alice").asks("weather")).toMatch(/does not answer/);
});

test("broadcasts a severe alert once, and a minor one not at all", async () => {
  await using gateway = await start({ config: { channel: 1 } });
  gateway.http.respond(ALERTS, { json: { features: [storm, frost] } });
  await gateway.advance({ hours: 2 });
  expect(gateway).toHaveSent("SEVERE: Storm until 9 pm", { to: "broadcast", channel: 1 });
  expect(gateway.sent).toHaveLength(1);
  expect(gateway.node("Alice").heard).toEqual(["SEVERE: Storm until 9 pm"]);
  expect(await gateway.plugin.storedKeys("said.")).toEqual(["said.urn:alert:1"]);
});

test("remembers over a restart what it has said", async () => {
  await using gateway = await start();
  gateway.http.respond(ALERTS, { json: { features: [storm] } });
  await gateway.advance({ minutes: 15 });
  await gateway.restart({ hours: 1 });
  await gateway.advance({ hours: 1 });
  expect(gateway.sent).toHaveLength(1);
});

test("lists the alerts in force to whoever asks", async () => {
  await using gateway = await start();
  expect(await gateway.node("Alice").asks("alerts")).toBe("No alerts");
  gateway.http.respond(ALERTS, { json: { features: [storm, frost] } });
  expect(await gateway.node("Alice").asks("alerts")).toBe("Storm (Severe)\nFrost (Minor)");
});

test("a changed interval holds at once, a wrong one is refused", async () => {
  await using gateway = await start();
  await gateway.plugin.configure({ check_minutes: 60 });
  await gateway.advance({ minutes: 50 });
  expect(requestsTo(gateway, ALERTS)).toHaveLength(0);
  await gateway.advance({ minutes: 20 });
  expect(requestsTo(gateway, ALERTS)).toHaveLength(1);
  await expect(gateway.plugin.configure({ check_minutes: 1 })).rejects.toThrow(/check_minutes/);
});

test("reaches nothing without http_requests", async () => {
  await using gateway = await start({ deny: ["http_requests"] });
  expect(await gateway.node("Alice").asks("weather")).toMatch(/does not answer/);
  expect(gateway.http.requests).toEqual([]);
  expect(gateway).toHaveBeenDenied("http_requests", /api\.open-meteo\.com/);
});
