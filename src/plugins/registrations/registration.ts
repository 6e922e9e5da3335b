/** What a plugin may register. It arrives from a process that may have been taken over. */
import * as v from "valibot";
import { registrationId } from "../../ids.ts";
import { MESSAGE_KINDS } from "../../mesh/message.ts";
import { TOPIC_MAX, topicProblem } from "../../sdk/boundary/topics.ts";

const word = (max: number) => v.pipe(v.string(), v.minLength(1), v.maxLength(max));
/** A number of the realm's own choice. */
export const idSchema = v.pipe(v.number(), v.safeInteger(), v.minValue(0), v.transform(registrationId));
const id = idSchema;
const priority = v.exactOptional(v.pipe(v.number(), v.finite()));
const help = v.exactOptional(v.pipe(v.string(), v.maxLength(1000)));
const flag = v.exactOptional(v.boolean());

const topic = v.pipe(
  word(TOPIC_MAX),
  v.check(
    (text) => topicProblem(text) === null,
    ({ input }) => topicProblem(String(input)) ?? "",
  ),
);

export const registrationSchema = v.variant("kind", [
  v.strictObject({
    kind: v.literal("command"),
    id,
    name: word(64),
    help,
    usage: help,
    priority,
    aliases: v.exactOptional(v.pipe(v.array(word(64)), v.maxLength(20))),
    adminOnly: flag,
  }),
  v.strictObject({ kind: v.literal("keyword"), id, pattern: word(200), help, priority, adminOnly: flag }),
  v.strictObject({
    kind: v.literal("message"),
    id,
    priority,
    kinds: v.exactOptional(v.pipe(v.array(v.picklist(MESSAGE_KINDS)), v.maxLength(MESSAGE_KINDS.length))),
  }),
  v.strictObject({
    kind: v.literal("task"),
    id,
    name: word(64),
    interval: v.exactOptional(v.pipe(v.number(), v.finite())),
    cron: v.exactOptional(word(200)),
    timezone: v.exactOptional(word(64)),
    runAtStart: flag,
    catchUp: flag,
  }),
  v.strictObject({
    kind: v.literal("menu"),
    id,
    menu: word(64),
    label: word(64),
    command: v.exactOptional(word(64)),
    description: help,
    adminOnly: flag,
    order: priority,
    parent: v.exactOptional(word(64)),
  }),
  v.strictObject({ kind: v.literal("plugin_message"), id }),
  v.strictObject({ kind: v.literal("event"), id, type: word(100) }),
  v.strictObject({ kind: v.literal("region"), id, topic }),
]);

export type CheckedRegistration = v.InferOutput<typeof registrationSchema>;
