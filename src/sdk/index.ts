/** What a plugin imports: `import { Plugin } from "zephyrgate"`. */

export type { Json } from "../json.ts";
export { PermissionDenied, PluginError } from "./boundary/errors.ts";
export type { PermissionState } from "./boundary/wire.ts";
export type { RunResult } from "./database.ts";
export { definePlugin, Plugin } from "./plugin.ts";
export type * from "./types.ts";
