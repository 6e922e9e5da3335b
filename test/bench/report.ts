/** What a run says: lines on the terminal, a JSON file, tables in docs/performance.md. */
import { readFileSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";
import type { Curve } from "./curves.ts";
import { isMet, type Row, SECTIONS, shown, spreadOf } from "./row.ts";

const ROOT = join(import.meta.dir, "../..");
/** Where the walls are built, and what attacks them. */
const WALLS = ["src/host/jail", "src/host/realm", "src/sandbox", "src/permissions", "src/plugins/capabilities", "test/hostile"];

export interface Report {
  readonly date: string;
  readonly machine: string;
  /** The last commit of the tree, and the last one that changed a wall. */
  readonly commit: string;
  readonly walls: string;
  readonly bun: string;
  readonly minutes: number;
  readonly rows: readonly Row[];
  readonly curves: readonly Curve[];
}

function git(...args: string[]): string {
  const ran = Bun.spawnSync(["git", ...args], { cwd: ROOT });
  return ran.success ? ran.stdout.toString().trim() : "unknown";
}

export function aboutThisRun(): Omit<Report, "rows" | "curves" | "minutes"> {
  const gigabytes = Math.round(totalmem() / 2 ** 30);
  return {
    date: new Date().toISOString().slice(0, 10),
    machine: `${cpus().length} cores (${cpus()[0]?.model.trim()}), ${gigabytes} GB, ${process.platform} ${process.arch}`,
    commit: git("log", "-1", "--format=%h"),
    walls: git("log", "-1", "--format=%h", "--", ...WALLS),
    bun: Bun.version,
  };
}

export const HEADING = ["figure".padEnd(66), "measured".padStart(14), "target".padStart(14), "   ", "spread; bare counterpart"].join(" ");

export function lineOf(row: Row): string {
  const goal = goalOf(row);
  const met = isMet(row);
  const verdict = met === null ? "   " : met ? "ok " : "NO ";
  const tail = [spreadOf(row), besideOf(row), row.note ?? ""].filter((text) => text !== "").join("; ");
  return [row.figure.padEnd(66), `${shown(row.measured)} ${row.unit}`.padStart(14), goal.padStart(14), verdict, tail].join(" ");
}

function goalOf({ target, better, unit }: Row): string {
  if (target === undefined || Number.isNaN(target)) return "";
  return `${better === "lower" ? "<=" : ">="} ${shown(target)} ${unit}`;
}

function besideOf({ bare, measured, unit }: Row): string {
  return bare === undefined ? "" : `${shown(measured / bare.value)} x ${bare.what} (${shown(bare.value)} ${unit})`;
}

/** Fills what stands between `<!-- bench:NAME -->` and `<!-- /bench -->`. */
export function writeDocs(report: Report, path = join(ROOT, "docs/performance.md")): void {
  const filled = new Map<string, string>(SECTIONS.map((name) => [name, table(report.rows.filter(({ section }) => section === name))]));
  filled.set("run", describe(report));
  const text = readFileSync(path, "utf8").replace(/(<!-- bench:([a-z]+) -->\n)[\s\S]*?(<!-- \/bench -->)/g, (all, open, name, close) => {
    const body = filled.get(name);
    return body === undefined || body === "" ? all : `${open}${body}\n${close}`;
  });
  writeFileSync(path, text);
}

function describe({ date, machine, commit, walls, bun, minutes, rows }: Report): string {
  const verdicts = rows.filter(({ section }) => section === "aims").map(isMet);
  const met = verdicts.filter((verdict) => verdict === true).length;
  return `One run of ${date} (${minutes.toFixed(0)} minutes), commit ${commit}, walls of ${walls}, Bun ${bun}, on ${machine}. ${met} of ${verdicts.length} aims are met.`;
}

function table(rows: readonly Row[]): string {
  if (rows.length === 0) return "";
  const lines = rows.map((row) => {
    const met = isMet(row);
    const verdict = met === null ? "" : met ? "yes" : "no";
    const beside = [besideOf(row), row.note ?? ""].filter((text) => text !== "").join("; ");
    return `| ${[row.figure, `${shown(row.measured)} ${row.unit}`.trim(), spreadOf(row), goalOf(row), verdict, beside].join(" | ")} |`;
  });
  return ["| figure | median | spread | aim | met | beside |", "|---|---|---|---|---|---|", ...lines].join("\n");
}
