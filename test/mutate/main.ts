/** `bun run mutate [--n 40] [--seed 1] [--room ROOM | --room ROOM/FOLDER] [--list-survivors] [--min 85] [--quick]`: how much the tests notice. */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Judged, mutate } from "./run.ts";

const { values } = parseArgs({
  options: {
    n: { type: "string", default: "40" },
    seed: { type: "string", default: "1" },
    room: { type: "string" },
    min: { type: "string", default: "85" },
    root: { type: "string", default: join(import.meta.dir, "../..") },
    "list-survivors": { type: "boolean", default: false },
    quick: { type: "boolean", default: false },
  },
});
const plan = { root: values.root, count: whole("n", values.n), seed: whole("seed", values.seed), only: values.room, quick: values.quick };
const min = whole("min", values.min);

let judgedCount = 0;
const judged = await mutate(
  plan,
  (mutant) => {
    judgedCount += 1;
    if (process.stderr.isTTY) process.stderr.write(`\r${judgedCount} of ${plan.count}`);
    if (values["list-survivors"] && !isKilled(mutant)) console.log(lineOf(mutant));
  },
  (test) => console.error(`fails without a mutation, and judged nothing: ${test}`),
).catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exit(2);
});
if (judged.length === 0) {
  console.error(`no mutant: is there a room or file src/${values.room ?? ""}?`);
  process.exit(2);
}
console.log(row("room", "mutants", "killed", "score"));
for (const [room, mutants] of Map.groupBy(judged, ({ room }) => room)) console.log(rowOf(room, mutants));
console.log(rowOf("all", judged));
process.exit(scoreOf(judged) < min ? 1 : 0);

function whole(option: string, text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= 0) return number;
  console.error(`--${option} takes a whole number, not "${text}"`);
  process.exit(2);
}

/** A test that never ends noticed the mutation. */
function isKilled({ outcome }: Judged): boolean {
  return outcome === "killed" || outcome === "timeout";
}

function scoreOf(mutants: readonly Judged[]): number {
  return (100 * mutants.filter(isKilled).length) / mutants.length;
}

function rowOf(room: string, mutants: readonly Judged[]): string {
  return row(room, String(mutants.length), String(mutants.filter(isKilled).length), `${scoreOf(mutants).toFixed(0)} %`);
}

function row(room: string, ...cells: readonly string[]): string {
  return [room.padEnd(14), ...cells.map((cell) => cell.padStart(8))].join("");
}

function lineOf({ file, line, kind, was, text, outcome }: Judged): string {
  const short = (code: string) => (code.length > 90 ? `${code.slice(0, 90)}...` : code).replaceAll(/\s+/g, " ");
  return `${outcome}: src/${file}:${line}: ${kind}: ${short(was)} -> ${short(text)}`;
}
