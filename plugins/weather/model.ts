/** What the plugin needs of a service's answer, whichever service it was. */
import type { Json } from "zephyrgate";
import type en from "./locales/en.ts";

/** A text of the catalogue, or words of the service. */
export type Sky = { readonly key: Extract<keyof typeof en, `sky_${string}`> } | { readonly words: string };

export interface Weather {
  readonly celsius: number;
  readonly sky: Sky;
  readonly windKmh: number;
  /** Where it comes from, degrees. */
  readonly windFrom: number | null;
  readonly gustsKmh: number | null;
  /** Percent. */
  readonly humidity: number | null;
  readonly rainMm: number | null;
}

export interface Day {
  /** `2026-01-05`, at the place. */
  readonly date: string;
  readonly high: number | null;
  readonly low: number | null;
  readonly sky: Sky;
  /** Percent. */
  readonly rain: number | null;
}

export interface Warning {
  readonly id: string;
  readonly event: string;
  readonly severity: string;
  readonly headline: string;
  /** ISO time. */
  readonly ends: string | null;
  /** Ids of the warnings that it brings up to date. */
  readonly replaces: readonly string[];
}

export interface Place {
  readonly name: string;
  readonly latitude: number;
  readonly longitude: number;
  /** Two letters, and what the place and what it lies in are called; where that is known. */
  readonly country?: string;
  readonly areas?: readonly string[];
}

/** A value, or which text of the catalogue says why there is none. */
export type Found<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly why: "no_answer" | "elsewhere" | "nothing" };

export const found = <T>(value: T): Found<T> => ({ ok: true, value });
export const missing = (why: "no_answer" | "elsewhere" | "nothing"): Found<never> => ({ ok: false, why });

type Fields = { readonly [key: string]: Json | undefined };

/** JSON from outside may be anything; what is no object has no fields. */
export function fields(value: Json | undefined): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

export function list(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? value : [];
}

export function number(value: Json | undefined): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

export function text(value: Json | undefined): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}
