import * as v from "valibot";
import { fail, ok } from "../../errors.ts";
import { explainRisk } from "../../permissions/risk.ts";
import { linkView, toLink } from "../contract/mesh-views.ts";
import {
  auditEntry,
  auditVerdict,
  configuration,
  menuItem,
  outbox,
  publishing,
  reloadView,
  scheduleTask,
  silence,
  wall,
} from "../contract/views.ts";
import { decodeCursor, encodeCursor, listOf, pageOf, paging, type Route, reply, route } from "../route/route.ts";

const tag = "system";
const DEFAULT_PAGE = 100;
const level = v.picklist(["debug", "info", "warn", "error"]);
const plugin = v.optional(v.pipe(v.string(), v.maxLength(64)));
const since = v.optional(
  v.pipe(
    v.string(),
    v.maxLength(40),
    v.transform((text) => (/^\d{1,12}(\.\d{1,6})?$/.test(text) ? Number(text) * 1000 : Date.parse(text))),
    v.number("RFC 3339, or seconds since 1970"),
    v.description("RFC 3339, or seconds since 1970"),
  ),
);
export const logLine = v.object({
  timestamp: v.string(),
  level: v.string(),
  plugin: v.nullable(v.string()),
  category: v.string(),
  message: v.string(),
  error_type: v.optional(v.nullable(v.string())),
  error_message: v.optional(v.nullable(v.string())),
  stack_trace: v.optional(v.nullable(v.string())),
  context: v.record(v.string(), v.unknown()),
  correlation_id: v.nullable(v.string()),
});
const degraded = v.pipe(v.array(v.string()), v.description("Why it needs the operator; empty while all is well"));
export const statusView = v.object({
  version: v.string(),
  started_at: v.string(),
  uptime_s: v.number(),
  degraded,
  safe_mode: v.boolean(),
  silence,
  disk: v.object({
    state: v.pipe(v.string(), v.description("ok, low, full, read_only, missing or failing")),
    free_bytes: v.number(),
  }),
  clock: v.object({
    state: v.pipe(
      v.picklist(["trusted", "unconfirmed", "wrong"]),
      v.description("Whether this machine's clock can be believed; radios get no time from one that is not trusted"),
    ),
    reason: v.string(),
  }),
  region: v.pipe(
    v.optional(
      v.object({
        name: v.string(),
        site: v.string(),
        state: v.string(),
        broker: v.string(),
        sites: v.number(),
        online: v.number(),
        troubles: v.array(v.string()),
      }),
    ),
    v.description("Absent: no region is configured"),
  ),
  links: v.array(linkView),
  plugins: v.pipe(v.record(v.string(), v.number()), v.description("How many are in each state")),
  outbox,
  stale_texts: v.pipe(v.number(), v.description("Texts that were too old to be answered, since the start")),
  publishing,
  walls: v.array(wall),
  alerts: v.array(v.object({ time: v.string(), code: v.string(), message: v.string(), plugin: v.optional(v.string()) })),
});
const levelsView = v.object({ default: level, levels: v.record(v.string(), level) });
const logQuery = { ...paging, level: v.optional(level) };

/** Lines before the cursor, newest last, as a terminal shows them; `next` is the cursor of older lines. */
function logPage(
  control: Parameters<Route["run"]>[0]["control"],
  name: string | undefined,
  query: { level?: v.InferOutput<typeof level> | undefined; limit?: number | undefined; cursor?: string | undefined },
) {
  const before = query.cursor === undefined ? undefined : Number(decodeCursor(query.cursor) ?? Number.NaN);
  if (before !== undefined && !Number.isSafeInteger(before)) return fail("invalid_argument", "the cursor is not one this API gave out");
  const limit = query.limit ?? DEFAULT_PAGE;
  const lines = control.log.tail({ plugin: name, level: query.level }, limit, before);
  const oldest = lines[0];
  const next = oldest !== undefined && lines.length === limit ? encodeCursor(String(oldest.seq)) : null;
  return ok({ status: 200, body: { items: lines.map(({ seq: _, ...line }) => line), next } });
}

export const systemRoutes: readonly Route[] = [
  route({
    method: "GET",
    path: "/health/live",
    access: "open",
    summary: "The process is alive",
    tag,
    answers: { 200: v.object({ status: v.literal("live") }) },
    run: () => ok({ status: 200, body: { status: "live" } }),
  }),
  route({
    method: "GET",
    path: "/health/ready",
    access: "open",
    summary: "The plugins were started and the links are supervised; the state of each link is listed",
    tag,
    answers: {
      200: v.object({
        status: v.literal("ready"),
        degraded,
        links: v.array(v.object({ name: v.string(), state: v.string() })),
      }),
    },
    errors: ["unavailable"],
    run({ control }) {
      const { ready, reason, degraded, links } = control.readiness();
      if (ready) return ok({ status: 200, body: { status: "ready", degraded: [...degraded], links: [...links] } });
      return fail("unavailable", reason ?? "the gateway is starting", { data: { links } });
    },
  }),
  route({
    method: "GET",
    path: "/api/v1/status",
    access: "read",
    summary: "The gateway at a glance",
    tag,
    answers: { 200: statusView },
    run({ control }) {
      const { safeMode, links, degraded, ...rest } = control.status();
      const started_at = new Date(control.startedAt).toISOString();
      return ok({
        status: 200,
        body: {
          version: control.version,
          started_at,
          safe_mode: safeMode,
          degraded: [...degraded],
          links: links.map(toLink),
          ...rest,
        },
      });
    },
  }),
  route({
    method: "GET",
    path: "/api/v1/schedule",
    access: "read",
    summary: "All scheduled tasks with last and next run",
    tag,
    query: v.strictObject(paging),
    answers: { 200: listOf(scheduleTask) },
    async run({ control, query }) {
      const tasks = await control.schedule();
      return tasks.ok ? reply(pageOf(tasks.value, query, (task) => `${task.plugin}/${task.name}`)) : tasks;
    },
  }),
  route({
    method: "POST",
    path: "/api/v1/schedule/run",
    access: "operate",
    summary: "Run a scheduled task now, beside its schedule",
    tag,
    body: v.strictObject({ plugin: v.pipe(v.string(), v.maxLength(64)), task: v.pipe(v.string(), v.minLength(1), v.maxLength(64)) }),
    answers: { 202: v.object({ plugin: v.string(), task: v.string() }) },
    errors: ["not_found", "conflict"],
    run: ({ control, body, actor }) => reply(control.runTask(body.plugin, body.task, actor), () => body, 202),
  }),
  route({
    method: "GET",
    path: "/api/v1/config",
    access: "operate",
    summary: "The effective configuration, value by value, with where each came from; secrets are withheld",
    tag,
    answers: { 200: configuration },
    errors: ["config_invalid"],
    run: ({ control }) =>
      control.configuration === undefined ? fail("unavailable", "this gateway reads no configuration") : reply(control.configuration()),
  }),
  route({
    method: "POST",
    path: "/api/v1/config/reload",
    access: "operate",
    summary: "Read the configuration file again, as SIGHUP does; says which keys changed, and which of them need a restart",
    tag,
    answers: { 200: reloadView },
    errors: ["config_invalid"],
    run: ({ control, actor }) =>
      control.reload === undefined ? fail("unavailable", "this gateway reads no configuration") : reply(control.reload(actor)),
  }),
  route({
    method: "GET",
    path: "/api/v1/menus",
    access: "read",
    summary: "All menu items",
    tag,
    query: v.strictObject(paging),
    answers: { 200: listOf(menuItem) },
    async run({ control, query }) {
      const items = await control.menus();
      if (!items.ok) return items;
      // Two items may be equal otherwise, so the position in the list makes the key unique.
      const placed = items.value.map((item, place) => ({
        item,
        key: `${item.menu}/${String(item.order + 1e6).padStart(8, "0")}/${item.label}/${place}`,
      }));
      const page = pageOf(placed, query, (entry) => entry.key);
      return page.ok ? ok({ status: 200, body: { items: page.value.items.map((entry) => entry.item), next: page.value.next } }) : page;
    },
  }),
  route({
    method: "GET",
    path: "/api/v1/audit",
    access: "read",
    summary: "Decisions, grants and admin calls, newest first",
    tag,
    query: v.strictObject({
      ...paging,
      plugin,
      permission: v.optional(v.pipe(v.string(), v.maxLength(64))),
      result: v.optional(v.picklist(["allow", "deny"])),
      since,
      correlation_id: v.optional(v.pipe(v.string(), v.maxLength(64))),
      after: v.optional(
        v.pipe(v.string(), v.regex(/^\d{1,15}$/, "a whole number"), v.transform(Number), v.description("Only entries of a higher `seq`")),
      ),
    }),
    answers: { 200: listOf(auditEntry) },
    run: ({ control, query: { limit = DEFAULT_PAGE, cursor, correlation_id, ...filter } }) =>
      reply(control.audit.query({ ...filter, correlationId: correlation_id }, { limit, cursor })),
  }),
  route({
    method: "GET",
    path: "/api/v1/audit/verify",
    access: "read",
    summary: "Verify the whole hash chain",
    tag,
    answers: { 200: auditVerdict },
    run: ({ control }) => reply(control.audit.verify()),
  }),
  route({
    method: "GET",
    path: "/api/v1/logs",
    access: "read",
    summary: "The last log lines, newest last",
    tag,
    query: v.strictObject(logQuery),
    answers: { 200: listOf(logLine) },
    run: ({ control, query }) => logPage(control, undefined, query),
  }),
  route({
    method: "GET",
    path: "/api/v1/plugins/:name/logs",
    access: "read",
    summary: "The last log lines of one plugin, newest last",
    tag: "plugins",
    params: v.object({ name: v.pipe(v.string(), v.maxLength(64)) }),
    query: v.strictObject(logQuery),
    answers: { 200: listOf(logLine) },
    errors: ["not_found"],
    async run({ control, params, query }) {
      const known = await control.plugins.get(params.name);
      return known.ok ? logPage(control, params.name, query) : known;
    },
  }),
  route({
    method: "GET",
    path: "/api/v1/log-levels",
    access: "read",
    summary: "The log levels in force",
    tag,
    answers: { 200: levelsView },
    run: ({ control }) => ok({ status: 200, body: control.log.levels() }),
  }),
  route({
    method: "PUT",
    path: "/api/v1/log-levels",
    access: "operate",
    summary: "Change the level of everything (no category), of one category or plugin, until the next start; null resets a category",
    tag,
    body: v.strictObject({
      category: v.optional(v.nullable(v.pipe(v.string(), v.minLength(1), v.maxLength(64)))),
      level: v.nullable(level),
    }),
    answers: { 200: levelsView },
    run({ control, body }) {
      control.log.setLevel(body.category ?? null, body.level);
      return ok({ status: 200, body: control.log.levels() });
    },
  }),
  route({
    method: "POST",
    path: "/api/v1/permissions/explain",
    access: "read",
    summary: "What a permission lets a plugin do, in words",
    tag,
    body: v.strictObject({ permission: v.union([v.pipe(v.string(), v.maxLength(64)), v.record(v.string(), v.unknown())]) }),
    answers: { 200: v.object({ permission: v.unknown(), words: v.string(), risk: v.string() }) },
    run: ({ body }) => ok({ status: 200, body: explainRisk(body.permission) }),
  }),
];
