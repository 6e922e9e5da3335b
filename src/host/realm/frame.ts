/** Frames that a realm sends, without its number: the runtime adds that. */
import type { FromHost } from "../../bridge/frames.ts";

type Frame<T extends FromHost["t"]> = T extends unknown ? Omit<Extract<FromHost, { t: T }>, "realm"> : never;

export type RealmFrame = Frame<"opened" | "result" | "request" | "log" | "fault" | "strike" | "gone" | "recorded">;
