import { expect, test } from "bun:test";
import type { Json } from "zephyrgate";
import { startTestGateway } from "zephyrgate/testing";

const plugin = `${import.meta.dir}/..`;
const FEED = "https://earthquake.usgs.gov/fdsnws/event/1/query*";
const quake = (id: string, mag: number, time: number) => ({ id, properties: { mag, place: `near ${id}`, time } });
const feed = (...features: Json[]) => ({ json: { type: "FeatureCollection", features } });

test("new ones are told once, old ones never, and rubbish is left out", async () => {
  const old = quake("Noto", 4.2, Date.UTC(2026, 0, 5, 11));
  await using gateway = await startTestGateway({
    plugin,
    config: { radius_km: 100, channel: 1 },
    http: (internet) => internet.respond(FEED, feed(old, { id: 7 }, { properties: null }, { id: "x", properties: { mag: "big" } })),
  });
  expect(new URL(gateway.http.requests[0]?.url ?? "").searchParams.get("maxradiuskm")).toBe("100");
  expect(gateway.sent).toEqual([]);
  expect(await gateway.node("Alice").asks("quakes")).toBe("M4.2 near Noto, 2026-01-05 11:00 UTC");
  gateway.http.respond(FEED, feed(old, quake("Lipari", 5, Date.UTC(2026, 0, 5, 12, 10))));
  await gateway.advance({ minutes: 45 });
  expect(gateway.sent.filter(({ to }) => to === "broadcast")).toHaveLength(1);
  expect(gateway).toHaveSent("Earthquake M5.0 near Lipari", { to: "broadcast", channel: 1 });
});

test("a feed that fails is logged, and asked again", async () => {
  await using gateway = await startTestGateway({ plugin, http: (internet) => internet.respond(FEED, { status: 503 }) });
  expect(gateway).toHaveLogged(/the feed does not answer/);
  expect(await gateway.node("Alice").asks("quakes")).toBe("None that I know of.");
  gateway.http.respond(FEED, feed());
  await gateway.advance({ minutes: 16 });
  expect(gateway.plugin.state).toBe("running");
});
