import { KINDS, type Report, type Station } from "./scenario.ts";

/** The report as two tables, and a line that says whether every message is accounted for. */
export function tableOf({ stations, packets, wrong }: Report): string {
  const reasons = [...new Set(stations.flatMap(({ sent }) => [...sent.values()].flatMap(({ failed }) => [...failed.keys()])))].sort();
  const outcomes = [...new Set(stations.flatMap(({ asked }) => [...asked.outcomes.keys()]))].sort();
  const lines = [
    ...table(
      ["sent by", "kind", "queued", "delivered", "sent, final", ...reasons.map((reason) => `failed: ${reason}`), "without end"],
      [...stations.flatMap((station) => sentRows(station, reasons))],
    ),
    "",
    ...table(
      ["written to", "said", "not received", "received", ...outcomes],
      stations.map((station) => askedRow(station, outcomes)),
    ),
    "",
    `packets that the radios took for the air: ${packets}`,
    wrong.length === 0 ? "every message is accounted for" : `NOT accounted for: ${wrong.length}`,
    ...wrong.slice(0, 20).map((what) => `  ${what}`),
  ];
  return lines.join("\n");
}

type Cell = string | number;

function sentRows({ name, sent }: Station, reasons: readonly string[]): Cell[][] {
  return KINDS.flatMap((kind) => {
    const row = sent.get(kind);
    if (row === undefined || row.queued === 0) return [];
    return [[name, kind, row.queued, row.delivered, row.sent, ...reasons.map((reason) => row.failed.get(reason) ?? 0), row.open]];
  });
}

function askedRow({ name, asked }: Station, outcomes: readonly string[]): Cell[] {
  return [name, asked.said, asked.lost, asked.received, ...outcomes.map((outcome) => asked.outcomes.get(outcome) ?? 0)];
}

function table(head: readonly string[], rows: readonly (readonly Cell[])[]): string[] {
  const line = (cells: readonly Cell[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)];
}
