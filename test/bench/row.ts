/** One figure of the bench: what was measured, how often, and beside what. */
import { percentile } from "./system.ts";

/** Which table of docs/performance.md a row belongs to. */
export const SECTIONS = ["aims", "further", "peers", "board", "hops"] as const;
export type Section = (typeof SECTIONS)[number];

export interface Row {
  /** Stays the same from version to version. */
  readonly id: string;
  readonly section: Section;
  readonly figure: string;
  /** One for each round. */
  readonly values: readonly number[];
  /** The median of the values. */
  readonly measured: number;
  readonly unit: string;
  /** Absent: the row is shown for comparison alone. */
  readonly target?: number;
  /** Whether the target is a least or a most. */
  readonly better: "higher" | "lower";
  /** The bare counterpart of the same run, in the same unit. */
  readonly bare?: { readonly what: string; readonly value: number };
  readonly note?: string;
}

export type Tell = (row: Row) => void;

export interface Settings {
  readonly binary: string;
  /** Also what takes minutes: long idle windows, a million texts, the ends of the curves. */
  readonly full: boolean;
  readonly rounds: number;
}

type Given = Omit<Row, "measured" | "section" | "better"> & Partial<Pick<Row, "section" | "better">>;

export function row(given: Given): Row {
  return { section: "aims", better: "lower", ...given, measured: percentile(given.values, 0.5) };
}

export function isMet({ measured, target, better }: Row): boolean | null {
  if (target === undefined) return null;
  return better === "lower" ? measured <= target : measured >= target;
}

/** The least and the most of the rounds, as a share of the median; empty for a single round. */
export function spreadOf({ values }: Row): string {
  return values.length < 2 ? "" : `${shown(Math.min(...values))} to ${shown(Math.max(...values))}`;
}

export function shown(value: number): string {
  if (Number.isNaN(value)) return "-";
  if (Math.abs(value) >= 1_000) return Math.round(value).toLocaleString("en");
  if (Math.abs(value) >= 100) return value.toFixed(0);
  return value.toFixed(Math.abs(value) >= 10 ? 1 : 2);
}
