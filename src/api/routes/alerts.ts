import * as v from "valibot";
import { ok } from "../../errors.ts";
import { alertView, silence } from "../contract/views.ts";
import { listOf, pageOf, paging, type Route, reply, route } from "../route/route.ts";

const tag = "system";

export const alertRoutes: readonly Route[] = [
  route({
    method: "GET",
    path: "/api/v1/alerts",
    access: "read",
    summary: "Problems that need the operator; each is listed until its cause is over",
    tag,
    query: v.strictObject(paging),
    answers: { 200: listOf(alertView) },
    run: ({ control, query }) => reply(pageOf(control.alerts.list(), query, (alert) => `${alert.time}/${alert.id}`)),
  }),
  route({
    method: "POST",
    path: "/api/v1/alerts/:id/ack",
    access: "operate",
    summary: "Acknowledge an alert: the status shows it no longer unless it is raised again",
    tag,
    params: v.object({ id: v.pipe(v.string(), v.maxLength(64)) }),
    answers: { 200: alertView },
    errors: ["not_found"],
    run: ({ control, params, actor }) => reply(control.alerts.acknowledge(params.id, actor)),
  }),
  route({
    method: "GET",
    path: "/api/v1/silence",
    access: "read",
    summary: "Whether all transmissions but alarms are silenced",
    tag,
    answers: { 200: silence },
    run: ({ control }) => reply(ok(control.silence.get())),
  }),
  route({
    method: "PUT",
    path: "/api/v1/silence",
    access: "operate",
    summary: "Silence all transmissions but alarms, or allow them again; it survives a restart",
    tag,
    body: v.strictObject({ silenced: v.boolean() }),
    answers: { 200: silence },
    run: ({ control, body, actor }) => reply(control.silence.set(body.silenced, actor)),
  }),
];
