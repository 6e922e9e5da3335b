/** What the sections of the configuration are made of. Each description is a sentence of docs/configuration.md. */
import * as v from "valibot";
import type { Json } from "../../json.ts";
import { RATE_PATTERN } from "../../rates.ts";

export interface JsonMap {
  readonly [key: string]: Json;
}

export const about = <T extends v.GenericSchema>(schema: T, text: string) =>
  v.pipe(schema, v.description(text) as v.DescriptionAction<v.InferOutput<T>, string>);
export const number = (least: number, most: number, text: string) =>
  v.pipe(v.number(), v.minValue(least, `must be at least ${least}`), v.maxValue(most, `must be at most ${most}`), v.description(text));
export const whole = (least: number, most: number, text: string) =>
  v.pipe(
    v.number(),
    v.integer("must be a whole number"),
    v.minValue(least, `must be at least ${least}`),
    v.maxValue(most, `must be at most ${most}`),
    v.description(text),
  );
export const text = (about: string, most = 500) =>
  v.pipe(v.string(), v.minLength(1, "must not be empty"), v.maxLength(most, `is longer than ${most} characters`), v.description(about));
export const list = <T extends v.GenericSchema>(item: T, text: string) =>
  v.pipe(v.array(item), v.maxLength(1000, "has more than 1000 entries"), v.description(text));
export const map = (text: string) =>
  v.pipe(
    v.custom<JsonMap>((value) => typeof value === "object" && value !== null && !Array.isArray(value), "must be a map"),
    v.description(text),
  );
export const section = <T extends v.ObjectEntries>(entries: T, text: string) =>
  v.optional(v.pipe(v.strictObject(entries), v.description(text)), {} as never);

export const rate = (text: string) =>
  v.pipe(v.string("is not a rate | for example 12/min"), v.regex(RATE_PATTERN, "is not a rate | for example 12/min"), v.description(text));
const NODE_HINT = 'is not a node id | write "!" and eight hex digits, in quotes';
export const node = v.pipe(
  v.string(NODE_HINT),
  v.regex(/^!(?:[0-9a-fA-F]{8})$/, ({ input }) => (/^[0-9a-fA-F]{8}$/.test(input) ? `is not a node id | write "!${input}"` : NODE_HINT)),
  v.transform((id) => id.toLowerCase()),
  v.description("Node id."),
);
export const pluginName = v.pipe(
  v.string(),
  v.regex(/^[a-z][a-z0-9_]{0,63}$/, "is not a plugin name | use lower-case letters, digits and _"),
);
export const channel = v.union(
  [whole(0, 7, "Channel index."), text("Exact channel name, or LINK/INDEX for one channel of one link.", 64)],
  "must be a channel index (0-7), a name, or LINK/INDEX",
);
export const level = v.picklist(["debug", "info", "warn", "error"]);
export const linkName = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$/, "is not an interface name | use letters, digits, _ and -"),
  v.description("Name of the interface."),
);
