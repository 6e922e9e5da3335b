/** What a plugin imports: `import { Plugin } from "zephyrgate"`. */
export type { RunResult } from "./database.ts";
export { PermissionDenied, PluginError } from "./boundary/errors.ts";
export { definePlugin, Plugin } from "./plugin.ts";
export type * from "./types.ts";
export type { Json, PermissionState } from "./boundary/wire.ts";
