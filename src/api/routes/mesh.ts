import * as v from "valibot";
import { fail } from "../../errors.ts";
import { linkView, messageView, nodeView, receivedView, routeView, toKept, toLink, toMessage, toNode } from "../contract/mesh-views.ts";
import { nodeSample, trafficHour } from "../contract/views.ts";
import { listOf, pageOf, paging, type Route, reply, route } from "../route/route.ts";

const tag = "mesh";
const DEFAULT_PAGE = 100;
const text = v.pipe(v.string(), v.minLength(1), v.maxLength(4096));
const node = v.pipe(
  v.union([v.pipe(v.string(), v.minLength(1), v.maxLength(64)), v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(0xffffffff))]),
  v.description("Node number, `!hex8`, exact name, or `broadcast`"),
);
const nodeName = v.pipe(v.string(), v.minLength(1), v.maxLength(64));
const channelIndex = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(7));
const channel = v.pipe(v.union([channelIndex, v.pipe(v.string(), v.maxLength(32))]), v.description("Index 0-7 or exact name"));

const count = v.exactOptional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(1000)));
const whole = (most: number) => v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(most));
const milliseconds = v.pipe(v.number(), v.minValue(0), v.maxValue(3_600_000));
const fault = v.variant("kind", [
  v.strictObject({ kind: v.literal("drop"), count }),
  v.strictObject({ kind: v.literal("nak"), code: whole(255), count }),
  v.strictObject({ kind: v.literal("lose_ack"), count }),
  v.strictObject({ kind: v.literal("queue_status"), res: whole(255), count }),
  v.strictObject({ kind: v.literal("duplicate"), count }),
  v.strictObject({ kind: v.literal("latency"), ms: milliseconds }),
  v.strictObject({ kind: v.literal("loss"), fraction: v.pipe(v.number(), v.minValue(0), v.maxValue(1)) }),
  v.strictObject({ kind: v.literal("reboot"), ms: v.exactOptional(milliseconds) }),
  v.strictObject({ kind: v.literal("silence"), ms: v.exactOptional(milliseconds) }),
  v.strictObject({ kind: v.literal("rubbish"), bytes: whole(65_536) }),
  v.strictObject({ kind: v.literal("busy"), ms: milliseconds }),
  v.strictObject({ kind: v.literal("region_unset"), unset: v.exactOptional(v.boolean()) }),
  v.strictObject({ kind: v.picklist(["disconnect", "resume"]) }),
]);

export const meshRoutes: readonly Route[] = [
  route({
    method: "GET",
    path: "/api/v1/messages",
    access: "read",
    summary: "Queued and sent messages, newest first",
    tag,
    query: v.strictObject({
      ...paging,
      state: v.optional(v.picklist(["queued", "sent", "relayed", "delivered", "failed"])),
      plugin: v.optional(v.pipe(v.string(), v.maxLength(64))),
    }),
    answers: { 200: listOf(messageView) },
    run: ({ control, query: { limit = DEFAULT_PAGE, cursor, state, plugin } }) =>
      reply(control.messages.list({ state, plugin }, { limit, cursor }), (page) => ({ items: page.items.map(toMessage), next: page.next })),
  }),
  route({
    method: "GET",
    path: "/api/v1/received",
    access: "read",
    summary: "Texts that the radios received, newest first; the last 10,000, for 30 days",
    tag,
    query: v.strictObject({ ...paging, from: v.optional(v.pipe(v.string(), v.minLength(1), v.maxLength(64))) }),
    answers: { 200: listOf(receivedView) },
    errors: ["not_found", "conflict"],
    run: ({ control, query: { limit = DEFAULT_PAGE, cursor, from } }) =>
      reply(control.messages.received({ from }, { limit, cursor }), (page) => ({ items: page.items.map(toKept), next: page.next })),
  }),
  route({
    method: "GET",
    path: "/api/v1/traffic",
    access: "read",
    summary: "How many texts were received and sent in each hour of the last 30 days",
    tag,
    query: v.strictObject(paging),
    answers: { 200: listOf(trafficHour) },
    async run({ control, query }) {
      const hours = await control.messages.traffic();
      return hours.ok ? reply(pageOf(hours.value, query, ({ hour }) => hour)) : hours;
    },
  }),
  route({
    method: "GET",
    path: "/api/v1/messages/:id",
    access: "read",
    summary: "One message and its state",
    tag,
    params: v.object({ id: v.pipe(v.string(), v.regex(/^m_[0-9A-Za-z]{26}$/, "a message id: m_ and 26 characters")) }),
    answers: { 200: messageView },
    errors: ["not_found"],
    run: ({ control, params }) => reply(control.messages.get(params.id), toMessage),
  }),
  route({
    method: "POST",
    path: "/api/v1/messages",
    access: "operate",
    summary: "Send a text; answered once it is durably queued",
    tag,
    body: v.strictObject({
      text,
      destination: v.optional(node),
      channel: v.optional(channel),
      priority: v.optional(v.picklist(["low", "normal", "high", "emergency"])),
      want_ack: v.optional(v.boolean()),
    }),
    answers: { 202: v.object({ id: v.string() }) },
    errors: ["not_found", "too_large", "rate_limited", "link_down", "quota_exceeded"],
    run: ({ control, actor, body: { want_ack, ...message } }) =>
      reply(control.messages.send({ ...message, wantAck: want_ack }, actor), ({ id }) => ({ id }), 202),
  }),
  route({
    method: "GET",
    path: "/api/v1/nodes",
    access: "read",
    summary: "All known nodes, over all links",
    tag,
    query: v.strictObject(paging),
    answers: { 200: listOf(nodeView) },
    async run({ control, query }) {
      const nodes = await control.nodes();
      return nodes.ok ? reply(pageOf(nodes.value.map(toNode), query, (item) => item.id)) : nodes;
    },
  }),
  route({
    method: "POST",
    path: "/api/v1/traceroute",
    access: "operate",
    summary: "Find the way to a node and back; answered when the node has answered, at most 25 s later",
    tag,
    body: v.strictObject({ node }),
    answers: { 200: routeView },
    errors: ["not_found", "conflict", "rate_limited", "link_down", "unavailable", "timeout"],
    run: ({ control, actor, body }) => reply(control.traceroute(body.node, actor)),
  }),
  route({
    method: "GET",
    path: "/api/v1/nodes/:node/history",
    access: "read",
    summary: "Battery, SNR and utilization of a node in the last week, oldest first",
    tag,
    params: v.object({ node: nodeName }),
    query: v.strictObject(paging),
    answers: { 200: listOf(nodeSample) },
    errors: ["not_found", "conflict"],
    async run({ control, params, query }) {
      const samples = await control.nodeHistory(params.node);
      return samples.ok ? reply(pageOf(samples.value, query, ({ time }) => time)) : samples;
    },
  }),
  route({
    method: "POST",
    path: "/api/v1/nodes/:node/ask",
    access: "operate",
    summary: "Ask a node for its position or its measurements; answered when the node has answered, at most 25 s later",
    tag,
    params: v.object({ node: nodeName }),
    body: v.strictObject({ what: v.picklist(["position", "telemetry"]) }),
    answers: { 204: v.void() },
    errors: ["not_found", "conflict", "rate_limited", "link_down", "unavailable", "timeout"],
    run: ({ control, params, body, actor }) => reply(control.askNode(params.node, body.what, actor), undefined, 204),
  }),
  route({
    method: "GET",
    path: "/api/v1/links",
    access: "read",
    summary: "The radio links and their state",
    tag,
    query: v.strictObject(paging),
    answers: { 200: listOf(linkView) },
    async run({ control, query }) {
      const links = await control.links();
      return links.ok ? reply(pageOf(links.value.map(toLink), query, (link) => link.name)) : links;
    },
  }),
  route({
    method: "POST",
    path: "/api/v1/simulate/messages",
    access: "operate",
    summary: "Send a text as a simulated node; without `to` and `channel` it is a direct message to the gateway",
    tag,
    body: v.strictObject({ from: node, text, channel: v.optional(channelIndex), to: v.optional(node) }),
    answers: { 202: v.object({ packet_id: v.number() }) },
    errors: ["not_found", "conflict"],
    run({ control, actor, body }) {
      if (control.simulate === undefined) return noSimulation();
      return reply(control.simulate.say(body, actor), ({ packetId }) => ({ packet_id: packetId }), 202);
    },
  }),
  route({
    method: "POST",
    path: "/api/v1/simulate/faults",
    access: "operate",
    summary: "Inject a fault into the simulated mesh, from now on or for the next `count` texts; `ms` is in milliseconds",
    tag,
    body: fault,
    answers: { 204: v.void() },
    errors: ["conflict"],
    run({ control, actor, body }) {
      if (control.simulate === undefined) return noSimulation();
      if (control.simulate.fail === undefined) return fail("unavailable", "this gateway's simulated mesh supports no faults");
      return reply(control.simulate.fail(body, actor), undefined, 204);
    },
  }),
];

function noSimulation() {
  return fail("conflict", "no simulated interface is configured", {
    hint: "add { name: sim, type: simulated, nodes: 3 } to mesh.interfaces",
  });
}
