import { toJsonSchema } from "@valibot/to-json-schema";
import * as v from "valibot";
import { ERROR_CODES, type ErrorCode } from "../../errors.ts";
import type { Schema } from "../route/body.ts";
import type { Route } from "../route/route.ts";

const problem = v.object({
  type: v.string(),
  title: v.string(),
  status: v.number(),
  detail: v.string(),
  code: v.picklist(Object.keys(ERROR_CODES)),
  hint: v.optional(v.string()),
  where: v.optional(v.string()),
  data: v.optional(v.record(v.string(), v.unknown())),
});

/** Errors that every route may answer. */
const ALWAYS: readonly ErrorCode[] = ["invalid_argument", "internal", "unavailable"];
const GUARDED: readonly ErrorCode[] = ["unauthorized", "permission_denied", "rate_limited"];
const WITH_BODY: readonly ErrorCode[] = ["too_large", "unsupported_media_type", "unprocessable"];

/** Generates the OpenAPI 3.1 document of a table of routes: every path, parameter, body and response with its schema. */
export function openApi(routes: readonly Route[], version: string, base: string): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    const path = route.path.replace(/:(\w+)/g, "{$1}");
    const item = paths[path] ?? {};
    item[route.method.toLowerCase()] = operation(route);
    paths[path] = item;
  }
  return {
    openapi: "3.1.0",
    info: { title: "ZephyrGate control API", version, license: { name: "GPL-3.0-or-later", identifier: "GPL-3.0-or-later" } },
    servers: [{ url: base === "/" ? "/" : base.slice(0, -1) }],
    paths,
    components: {
      schemas: { Problem: json(problem, "output") },
      securitySchemes: {
        token: { type: "http", scheme: "bearer", description: "The line in data_dir/api-token, or a token of: zephyrgate token create" },
        session: { type: "apiKey", in: "cookie", name: "zephyrgate_<id>", description: "From POST /api/v1/session; for the console" },
      },
    },
    security: [{ token: [] }, { session: [] }],
  };
}

function operation(route: Route): Record<string, unknown> {
  const words = route.path
    .replace("/api/v1", "")
    .split(/[/:.-]+/)
    .filter((word) => word !== "");
  const name = words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join("");
  return {
    operationId: `${route.method.toLowerCase()}${name}`,
    summary: route.summary,
    tags: [route.tag],
    ...(route.access === "open" ? { security: [] } : { "x-role": route.access }),
    parameters: [...parameters(route.params, "path"), ...parameters(route.query, "query")],
    ...(route.upload === undefined && route.stream === undefined
      ? {}
      : { requestBody: { required: true, content: { "application/octet-stream": { schema: { type: "string", format: "binary" } } } } }),
    ...(route.body === undefined
      ? {}
      : {
          requestBody: {
            required: !v.safeParse(route.body, undefined).success,
            content: { "application/json": { schema: json(route.body, "input") } },
          },
        }),
    responses: { ...answers(route), ...problems(route) },
  };
}

function parameters(schema: Schema | undefined, place: "path" | "query"): Record<string, unknown>[] {
  if (schema === undefined) return [];
  const { properties = {}, required = [] } = json(schema, "input") as {
    properties?: Record<string, { description?: string }>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, property]) => {
    const { description, ...rest } = property;
    return {
      name,
      in: place,
      required: place === "path" || required.includes(name),
      ...(description === undefined ? {} : { description }),
      schema: rest,
    };
  });
}

function answers(route: Route): Record<string, unknown> {
  const entries = Object.entries(route.answers).map(([status, schema]) => {
    if (typeof schema === "string") return [status, { description: route.summary, content: { [schema]: { schema: { type: "string" } } } }];
    if (status === "204") return [status, { description: "Done" }];
    return [
      status,
      {
        description: status === "202" ? "Accepted, not yet done" : route.summary,
        content: { "application/json": { schema: json(schema, "output") } },
      },
    ];
  });
  return Object.fromEntries(entries);
}

function problems(route: Route): Record<string, unknown> {
  const codes = new Set([
    ...ALWAYS,
    ...(route.access === "open" ? [] : GUARDED),
    ...(route.body === undefined && route.upload === undefined ? [] : WITH_BODY),
    ...(route.errors ?? []),
  ]);
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of codes) byStatus.set(ERROR_CODES[code].status, [...(byStatus.get(ERROR_CODES[code].status) ?? []), code]);
  const entries = [...byStatus].map(([status, list]) => [
    String(status),
    {
      description: list.map((code) => `${ERROR_CODES[code].title} (\`${code}\`)`).join("; "),
      content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
    },
  ]);
  return Object.fromEntries(entries);
}

/** Inputs are described as they are sent, before any transformation. */
function json(schema: Schema, mode: "input" | "output"): Record<string, unknown> {
  const { $schema: _, ...rest } = toJsonSchema(schema, { typeMode: mode, errorMode: "ignore", target: "draft-2020-12" });
  return rest;
}
