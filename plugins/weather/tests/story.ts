import { expect } from "bun:test";
import type { TestGateway, TestOptions } from "zephyrgate/testing";
import { alerts, europeanAlerts, germanAlerts, openMeteo, places } from "./services.ts";

export const options: Partial<TestOptions> = {
  config: { place: "Denver", latitude: 39.74, longitude: -104.99, watch: { nodes: ["Bob"] } },
};

/** What the plugin is for, from its first use to its last: it needs every permission of the manifest. */
export async function story(gateway: TestGateway) {
  openMeteo(gateway);
  places(gateway);
  alerts(gateway, [{ id: "https://api.weather.gov/alerts/urn:oid:1" }]);
  expect(await gateway.node("Alice").asks("wx Zürich")).toStartWith("Zürich: 18°C, light rain");
  germanAlerts(gateway, [{}]);
  expect(await gateway.node("Alice").asks("wxalerts Husum")).toContain("storm force gusts (Severe)");
  europeanAlerts(gateway, "switzerland", [{ area: "Zürich" }]);
  expect(await gateway.node("Alice").asks("wxalerts Zürich")).toContain("wind (Severe)");
  gateway.http.respond(/open-meteo/, { error: "refused" });
  await gateway.advance({ hours: 1 });
  expect(await gateway.node("Alice").asks("wx Zürich")).toContain("(60 min old)");
  expect(gateway.node("Bob").heard).toEqual(["WEATHER WARNING Winter Storm Warning until 6 PM by NWS Denver"]);
}
