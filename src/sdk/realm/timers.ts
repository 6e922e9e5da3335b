/** setTimeout and the like; the host keeps the time, caps the number and ends them with the last call in flight. */
import { PluginError } from "../boundary/errors.ts";
import { OPS } from "../boundary/ops.ts";
import { ask, post, runLoose } from "./link.ts";
import { apply, isFiniteNumber, mapClear, mapDelete, mapGet, mapSet, NativeMap, NativeNumber, NativeTypeError } from "./primordials.ts";

interface Timer {
  readonly run: (...args: unknown[]) => unknown;
  readonly args: unknown[];
  readonly every: number | null;
}

const timers = new NativeMap<number, Timer>();
let next = 1;

function add(run: unknown, ms: unknown, args: unknown[], repeat: boolean): number {
  if (typeof run !== "function") throw new NativeTypeError("A timer needs a function");
  const wanted = NativeNumber(ms);
  const delay = isFiniteNumber(wanted) && wanted > 0 ? wanted : 0;
  const id = next++;
  const problem = ask(OPS.timer, [id, delay]);
  if (problem !== undefined) throw new PluginError("quota_exceeded", problem);
  mapSet(timers, id, { run: run as Timer["run"], args, every: repeat ? delay : null });
  return id;
}

/** Runs once after `ms` milliseconds, at least 10. Throws PluginError `quota_exceeded` for more than 100 timers, or without `schedule_tasks` outside a call. */
export function setTimeout(run: unknown, ms?: unknown, ...args: unknown[]): number {
  return add(run, ms, args, false);
}

/** As setTimeout, over and over. */
export function setInterval(run: unknown, ms?: unknown, ...args: unknown[]): number {
  return add(run, ms, args, true);
}

/** Ends a timer of either kind; an unknown number is passed over. */
export function clearTimer(id: unknown): void {
  if (typeof id === "number" && mapDelete(timers, id)) post(OPS.clear, [id]);
}

/** The host has ended all timers. */
export function dropTimers(): void {
  mapClear(timers);
}

/** The host says that a timer is due. */
export function fire(id: number): void {
  const timer = mapGet(timers, id);
  if (timer === undefined) return;
  if (timer.every === null) mapDelete(timers, id);
  else post(OPS.timer, [id, timer.every]);
  runLoose(() => apply(timer.run, undefined, timer.args));
}

/** As in the web standard; what it throws becomes a fault. */
export function queueMicrotask(run: unknown): void {
  if (typeof run !== "function") throw new NativeTypeError("queueMicrotask needs a function");
  nativeQueue(() => runLoose(run as () => unknown));
}

const nativeQueue = globalThis.queueMicrotask;
