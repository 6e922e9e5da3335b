import * as v from "valibot";
import { fail, ok, type Result } from "../../errors.ts";
import type { Json } from "../../json.ts";
import { FILE_LIMITS, jsonProblem, parseJson } from "../../json-reader.ts";
import type { Client } from "../client/client.ts";
import { pluginPath } from "../client/paths.ts";
import { json, line } from "../verb/output.ts";
import { type Call, done, type Verb } from "../verb/verb.ts";

/** Pages of one answer; a plugin that never ends must not fill a disk. */
const PAGES_MAX = 10_000;

const answerView = v.object({ answer: v.unknown() });
/** Text for people or a file, and what to ask for the next page. */
const page = v.object({ text: v.string(), next: v.optional(v.unknown(), null) });

export const askVerb: Verb = {
  name: "plugin ask",
  summary: "send a running plugin a message of its own kind, such as an export, and print the answer",
  args: [
    { name: "NAME", about: "the plugin's name", values: "plugin" },
    { name: "TYPE", about: "what to ask; the plugin's README lists the words" },
    { name: "JSON", about: "what goes with it", optional: true },
  ],
  async run({ io, args, flags, client }) {
    const data = parsed(args[2]);
    if (!data.ok) return data;
    const gateway = await client();
    if (!gateway.ok) return gateway;
    return printed(io, flags.json === true, (sent) => ask(gateway.value, args[0], args[1] ?? "", sent), data.value);
  },
};

/** One message to a plugin, and its answer. */
export async function ask(client: Client, plugin: string | undefined, type: string, data: Json): Promise<Result<Json>> {
  const answer = await client.call("POST", `${pluginPath(plugin)}/ask`, answerView, { type, data });
  return answer.ok ? ok(answer.value.answer as Json) : answer;
}

function parsed(text: string | undefined): Result<Json> {
  const read = text === undefined ? ok(null) : parseJson(text, FILE_LIMITS);
  if (read.ok) return read;
  return fail("invalid_argument", `the last argument is not JSON: ${jsonProblem(read.error)}`, { hint: `write for example '{"from": 1}'` });
}

/** Texts page after page; anything else as JSON. */
async function printed(
  io: Call["io"],
  machine: boolean,
  once: (data: Json) => Promise<Result<Json>>,
  first: Json,
): Promise<Result<number>> {
  let data = first;
  for (let number = 0; number < PAGES_MAX; number++) {
    const answer = await once(data);
    if (!answer.ok) return answer;
    const text = v.safeParse(page, answer.value);
    if (machine || !text.success) {
      json(io, answer.value);
      return done;
    }
    if (text.output.text !== "") for (const each of text.output.text.split("\n")) line(io, each);
    if (text.output.next === null) return done;
    data = text.output.next as Json;
  }
  return fail("too_large", `the answer has more than ${PAGES_MAX} pages`);
}
