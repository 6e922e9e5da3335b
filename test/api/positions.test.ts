/** Whoever may only look learns where others are roughly: on every path, in every event, whoever wrote the text. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { roundPositions, roundText } from "../../src/api/access/positions.ts";
import type { Control } from "../../src/api/contract/control.ts";
import type { Role } from "../../src/api/contract/roles.ts";
import { fakeControl, received, status } from "./fake-control.ts";
import { serveControl, type Tree, tree } from "./serve.ts";

const LATITUDE = 46.912345;
const LONGITUDE = 9.341234;
const EXACT = /46\.91[0-9]|9\.34[0-9]/;
const WHERE = `at ${LATITUDE}, ${LONGITUDE}`;
/** Fields of the answers that hold what somebody wrote. */
const TEXTS = new Set(["message", "text", "reason", "description", "detail", "label", "longName", "last_error", "config"]);

/** What the gateway answers, with an exact place in each text and with each node. */
function withPlaces(value: Tree, key = ""): Tree {
  if (typeof value === "string") return TEXTS.has(key) ? `${value} ${WHERE}` : value;
  if (Array.isArray(value)) return value.map((item) => withPlaces(item, key));
  if (typeof value !== "object" || value === null || value instanceof Error) return value;
  const inner = Object.fromEntries(Object.entries(value).map(([name, item]) => [name, withPlaces(item, name)]));
  if (key === "config") return { ...inner, home: { lat: String(LATITUDE), lng: LONGITUDE } };
  const { isOwn } = inner;
  return isOwn === undefined
    ? inner
    : {
        ...inner,
        position: { latitude: isOwn ? 12.345678 : LATITUDE, longitude: LONGITUDE + (isOwn ? 1 : 0), altitude: 2345, precisionBits: 32 },
      };
}

/** The control, whose every method answers so. */
function telling<T extends object>(of: T): T {
  return new Proxy(of, {
    get(target, name) {
      const value: Tree = Reflect.get(target, name);
      if (name === "events" || name === "log" || typeof value !== "object" || value === null) {
        if (typeof value !== "function") return value;
        return (...given: unknown[]) => {
          const answer: Tree = Reflect.apply(value, target, given);
          if (typeof answer === "string") return answer;
          const result =
            answer?.ok === true && typeof answer.value === "string" ? { ok: true, value: `${answer.value}x{at="${WHERE}"} 1\n` } : answer;
          return withPlaces(result);
        };
      }
      return telling(value);
    },
  });
}

describe("positions", () => {
  let api: ReturnType<typeof serveControl<ReturnType<typeof fakeControl>>>;
  const tokens = new Map<Role, string>();
  let digits = 2;
  beforeAll(async () => {
    const fake = fakeControl();
    await fake.control.messages.send({ text: "hello" }, { via: "api", address: "" });
    api = serveControl({ ...fake, control: telling<Control>(fake.control) }, { live: () => ({ positionDigits: digits }) });
    for (const role of ["read", "operate", "admin"] as const) {
      const made = await tree(await api.call("/api/v1/tokens", { method: "POST", json: { name: role, role } }));
      tokens.set(role, made.token);
    }
  });
  afterAll(() => api.close());
  const ask = (role: Role | null, path: string, init: RequestInit & { json?: unknown } = {}) =>
    api.call(path, { ...init, headers: { authorization: role === null ? "" : `Bearer ${tokens.get(role)}` } });

  const filled = (path: string) =>
    path.replace("{id}", "m_00000000000000000000000001").replace("{name}", "hello_world").replace("{node}", "2").replace("{key}", "k");

  test("no path that a read token, or nobody, may use gives an exact one; operate and admin get it", async () => {
    const { paths } = await tree(await ask("admin", "/api/v1/openapi.json"));
    const told = new Set<string>();
    for (const [path, item] of Object.entries<Tree>(paths)) {
      for (const [method, operation] of Object.entries<Tree>(item)) {
        const role = operation.security === undefined ? operation["x-role"] : "open";
        if (role !== "read" && role !== "open") continue;
        const types = Object.entries<Tree>(operation.responses).flatMap(([code, { content }]) =>
          code < "300" ? Object.keys(content ?? {}) : [],
        );
        // What is neither JSON nor text passes no gate, so none of it may be readable by everybody.
        expect([path, types.filter((type) => !/^(?:application\/json|text\/(?:plain|event-stream))/.test(type))]).toEqual([path, []]);
        if (types.includes("text/event-stream") || method === "delete" || path === "/api/v1/session") continue;
        const where = filled(path) + (path.endsWith("/why") ? "?permission=send_messages" : "");
        const init = { method: method.toUpperCase(), ...(method === "post" ? { json: { permission: "send_messages" } } : {}) };
        const roughly = await (await ask("read", where, init)).text();
        expect([where, EXACT.exec(roughly)?.[0]]).toEqual([where, undefined]);
        expect(EXACT.test(await (await ask(null, where, init)).text())).toBe(false);
        const exactly = await (await ask("operate", where, init)).text();
        if (EXACT.test(exactly)) told.add(path);
        if (EXACT.test(exactly) && role !== "open") expect(roughly).toMatch(/46\.91[^0-9]/);
      }
    }
    // The test would pass if nothing told a place.
    for (const path of ["nodes", "messages", "received", "alerts", "status", "plugins", "plugins/{name}", "menus"])
      expect([path, told.has(`/api/v1/${path}`)]).toEqual([path, true]);
    expect(told.has("/metrics")).toBe(true);
  });

  test("a node's place loses what would tell it in another way; the gateway's own stays", async () => {
    const [own, other] = (await tree(await ask("read", "/api/v1/nodes"))).items;
    expect(other.position).toEqual({ latitude: 46.91, longitude: 9.34 });
    expect(own.position).toMatchObject({ latitude: 12.345678, altitude: 2345 });
    const exact = (await tree(await ask("operate", "/api/v1/nodes"))).items[1];
    expect(exact.position).toMatchObject({ latitude: LATITUDE, altitude: 2345, precision_bits: 32 });
    digits = 1;
    expect((await tree(await ask("read", "/api/v1/nodes"))).items[1].position).toEqual({ latitude: 46.9, longitude: 9.3 });
    digits = 6;
    expect((await tree(await ask("read", "/api/v1/nodes"))).items[1].position).toMatchObject({ latitude: LATITUDE });
    digits = 2;
  });

  test("no event tells an exact one either: live, replayed, or as a log line", async () => {
    const place = { latitude: LATITUDE, longitude: LONGITUDE, altitude: 2345 };
    const emit = () => {
      api.events.emit("message_received", received("", { kind: "position", position: place }));
      api.events.emit("message_received", received("", { kind: "waypoint", waypoint: { id: 1, name: WHERE, description: "", ...place } }));
      api.events.emit("message_received", received(WHERE));
      api.events.emit("message_status", status({ text: `SOS from Ada, ${WHERE}` }));
      api.events.emit("node_seen", { number: 2, id: "!00000002", isOwn: false, link: "sim", position: place });
      api.events.emit("plugin_event", {
        plugin: "map",
        type: "fix",
        data: { geometry: { type: "Point", coordinates: [[LONGITUDE, LATITUDE]] } },
      });
      api.events.emit("alert", { code: "emergency", message: `SOS ${WHERE}` });
      api.log.forPlugin("p").info(`lat=${LATITUDE} lon=${LONGITUDE}`, { place: JSON.stringify(place) });
      api.events.emit("config_changed", { plugin: "end", keys: [] });
    };
    const types = "types=message_received,message_status,node_seen,plugin_event,alert,config_changed,log";
    const read = async (role: Role, query: string, when?: () => void) => {
      const response = await ask(role, `/api/v1/events?${types}${query}`);
      when?.();
      let text = "";
      const decoder = new TextDecoder();
      for await (const chunk of response.body ?? []) {
        text += decoder.decode(chunk, { stream: true });
        if (text.includes("event: config_changed")) break;
      }
      return text;
    };
    const live = await read("read", "", emit);
    expect([EXACT.exec(live)?.[0], live.match(/46\.91\b/g)?.length]).toEqual([undefined, 10]);
    expect(live).not.toContain("2345,");
    const again = await read("read", "&replay=50");
    expect([EXACT.exec(again)?.[0], again.match(/^event: /gm)?.length]).toEqual([undefined, 8]);
    expect((await read("operate", "&replay=50")).match(/46\.912345/g)?.length).toBeGreaterThan(7);
  });

  test("texts keep their other numbers", () => {
    expect(roundText("1.5 dB, 7 texts at 21.50; 46.912345° N, 9.341234° E, -12.123456,-77.123456", 2)).toBe(
      "1.5 dB, 7 texts at 21.50; 46.91° N, 9.34° E, -12.12,-77.12",
    );
    expect(roundPositions({ latitude: null, longitude: "x", lat: Number.NaN, list: [1.234567] }, 2)).toEqual({
      latitude: null,
      longitude: "x",
      lat: Number.NaN,
      list: [1.234567],
    });
    const long = `${"1.".repeat(50_000)} ${"1".repeat(50_000)}.${"1".repeat(50_000)}`;
    const started = performance.now();
    roundText(long, 2);
    expect(performance.now() - started).toBeLessThan(5_000);
  });
});
