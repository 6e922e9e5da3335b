/** What a plugin may put into a capability call. Everything here arrives from a process that may have been taken over. */

import * as v from "valibot";
import { registrationId } from "../../ids.ts";
import { PRIORITIES } from "../../mesh/outgoing.ts";

const word = (max: number) => v.pipe(v.string(), v.minLength(1), v.maxLength(max));
const id = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const registrationNumber = v.pipe(id, v.transform(registrationId));
const priority = v.optional(v.pipe(v.number(), v.finite()));
const help = v.optional(v.pipe(v.string(), v.maxLength(1000)));
const flag = v.optional(v.boolean());
/** JSON that passed the bridge's own size cap; its depth is bounded there too. */
const json = v.unknown();

export const registration = v.variant("kind", [
  v.strictObject({
    kind: v.literal("command"),
    id: registrationNumber,
    name: word(64),
    help,
    usage: help,
    priority,
    aliases: v.optional(v.pipe(v.array(word(64)), v.maxLength(20))),
    adminOnly: flag,
  }),
  v.strictObject({ kind: v.literal("keyword"), id: registrationNumber, pattern: word(200), help, priority, adminOnly: flag }),
  v.strictObject({
    kind: v.literal("message"),
    id: registrationNumber,
    priority,
    kinds: v.optional(v.pipe(v.array(v.picklist(["text", "position", "telemetry", "node_info"])), v.maxLength(4))),
  }),
  v.strictObject({
    kind: v.literal("task"),
    id: registrationNumber,
    name: word(64),
    interval: v.optional(v.pipe(v.number(), v.finite())),
    cron: v.optional(word(200)),
    timezone: v.optional(word(64)),
    runAtStart: flag,
    catchUp: flag,
  }),
  v.strictObject({
    kind: v.literal("menu"),
    id: registrationNumber,
    menu: word(64),
    label: word(64),
    command: v.optional(word(64)),
    description: help,
    adminOnly: flag,
    order: priority,
    parent: v.optional(word(64)),
  }),
  v.strictObject({ kind: v.literal("plugin_message"), id: registrationNumber }),
  v.strictObject({ kind: v.literal("event"), id: registrationNumber, type: word(100) }),
]);

export type CheckedRegistration = v.InferOutput<typeof registration>;

const timeout = v.optional(v.pipe(v.number(), v.minValue(0.01), v.maxValue(60)));
const nothing = v.strictObject({});

export const schemas = {
  register: registration,
  dispose: v.strictObject({ registration: registrationNumber }),
  send_message: v.strictObject({
    content: v.pipe(v.string(), v.maxLength(16_000)),
    destination: v.optional(v.union([word(100), v.number()])),
    channel: v.optional(v.union([word(100), v.number()])),
    replyTo: v.optional(id),
    priority: v.optional(v.picklist(PRIORITIES)),
    wantAck: flag,
  }),
  http_request: v.strictObject({
    method: word(20),
    url: word(8192),
    headers: v.optional(v.record(v.string(), v.string())),
    body: v.optional(v.string()),
    timeout,
    anyStatus: flag,
  }),
  get_node_info: v.strictObject({ node: v.union([word(100), v.number()]) }),
  get_nodes: nothing,
  get_network_status: nothing,
  get_plugins: nothing,
  send_to_plugin: v.strictObject({ plugin: word(64), type: word(100), data: json, timeout }),
  broadcast_to_plugins: v.strictObject({ type: word(100), data: json, timeout }),
  emit_event: v.strictObject({ type: word(100), data: json }),
  get_secret: v.strictObject({ name: word(100) }),
  request_permission: v.strictObject({ permission: json }),
  revoke_permission: v.strictObject({ permission: json }),
} as const;
