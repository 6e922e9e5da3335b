import * as v from "valibot";
import { fail, ok } from "../../errors.ts";
import { type MapView, mapView } from "../contract/views.ts";
import { type Route, route } from "../route/route.ts";
import { EVENT_NAMES, type Feed } from "./feed.ts";
import { openApi } from "./openapi.ts";

export interface ApiCounters {
  /** By HTTP status. */
  readonly answered: ReadonlyMap<number, number>;
  readonly clients: number;
  readonly dropped: number;
}

export interface RouteTable {
  /** Path before every route's own, ends with `/`. */
  readonly base: string;
  all(): readonly Route[];
}

const tag = "service";
/** nginx would keep events back until its buffer is full. */
const STREAM_HEADERS = { "content-type": "text/event-stream", "x-accel-buffering": "no" };
const NAMES: readonly string[] = [...EVENT_NAMES, "log"];

/** Routes that need the server itself: metrics, events, the map's tiles, and the OpenAPI document. */
export function serviceRoutes(feed: Feed, counters: () => ApiCounters, table: RouteTable, tiles: () => MapView["tiles"]): readonly Route[] {
  return [metricsRoute(counters), eventsRoute(feed), mapRoute(tiles), openApiRoute(table)];
}

function mapRoute(tiles: () => MapView["tiles"]): Route {
  return route({
    method: "GET",
    path: "/api/v1/map",
    access: "read",
    summary: "Where the console's map takes its tiles from; null: it draws positions on a plain grid",
    tag,
    answers: { 200: mapView },
    run: () => ok({ status: 200, body: { tiles: tiles() } }),
  });
}

function metricsRoute(counters: () => ApiCounters): Route {
  return route({
    method: "GET",
    path: "/metrics",
    access: "read",
    summary: "Metrics in Prometheus text",
    tag,
    answers: { 200: "text/plain; version=0.0.4" },
    async run({ control }) {
      const text = await control.metrics();
      if (!text.ok) return text;
      const body = `${text.value.trimEnd()}\n${own(counters())}`.trimStart();
      return ok({ status: 200, body: new Response(body, { headers: { "content-type": "text/plain; version=0.0.4; charset=utf-8" } }) });
    },
  });
}

function eventsRoute(feed: Feed): Route {
  return route({
    method: "GET",
    path: "/api/v1/events",
    access: "read",
    summary: "Events as server-sent events; a client that reads too slowly is disconnected and may reconnect with Last-Event-ID",
    tag,
    query: v.strictObject({
      types: v.optional(
        v.pipe(v.string(), v.maxLength(512), v.description(`Comma-separated: ${NAMES.join(", ")}. All but log by default`)),
      ),
      level: v.optional(v.picklist(["debug", "info", "warn", "error"])),
      plugin: v.optional(v.pipe(v.string(), v.maxLength(64), v.description("Only log lines of this plugin"))),
      replay: v.optional(v.pipe(v.string(), v.regex(/^\d{1,3}$/, "a whole number"), v.transform(Number), v.maxValue(256))),
    }),
    answers: { 200: "text/event-stream" },
    run({ request, query, caller }) {
      const types = query.types === undefined ? [...EVENT_NAMES] : query.types.split(",");
      if (!types.every((type) => NAMES.includes(type)))
        return fail("invalid_argument", "types: not an event", { hint: `known: ${NAMES.join(", ")}` });
      const lastEventId = request.headers.get("last-event-id");
      const isAllowed = () => caller?.isValid() === true;
      const who = { isAllowed, role: caller?.role ?? "read" };
      const wanted = { types, level: query.level, plugin: query.plugin, replay: query.replay ?? 0, lastEventId, ...who };
      const stream = feed.open(wanted, request.signal);
      return stream.ok ? ok({ status: 200, body: new Response(stream.value, { headers: STREAM_HEADERS }) }) : stream;
    },
  });
}

function openApiRoute({ base, all }: RouteTable): Route {
  let document: Record<string, unknown> | null = null;
  return route({
    method: "GET",
    path: "/api/v1/openapi.json",
    access: "read",
    summary: "This API as an OpenAPI 3.1 document",
    tag,
    answers: { 200: v.record(v.string(), v.unknown()) },
    run({ control }) {
      document ??= openApi(all(), control.version, base);
      return ok({ status: 200, body: document });
    },
  });
}

function own(counters: ApiCounters): string {
  const lines = ["# HELP zephyrgate_api_answers_total Answers of the API by HTTP status.", "# TYPE zephyrgate_api_answers_total counter"];
  for (const [status, count] of counters.answered) lines.push(`zephyrgate_api_answers_total{status="${status}"} ${count}`);
  lines.push("# HELP zephyrgate_api_event_clients Event streams that are open.");
  lines.push("# TYPE zephyrgate_api_event_clients gauge", `zephyrgate_api_event_clients ${counters.clients}`);
  lines.push("# HELP zephyrgate_api_event_clients_dropped_total Event streams that were closed because they were read too slowly.");
  lines.push("# TYPE zephyrgate_api_event_clients_dropped_total counter", `zephyrgate_api_event_clients_dropped_total ${counters.dropped}`);
  return `${lines.join("\n")}\n`;
}
