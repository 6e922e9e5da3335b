/**
 * This room runs in the realm, as the plugin does, and the plugin may change everything in it: nothing here is a security
 * boundary. It is what a plugin imports (`import { Plugin } from "zephyrgate"`) and what makes the realm's globals. It may touch
 * nothing but the one function by which a realm calls its host: JSON out, JSON in. It imports no package and nothing of
 * the program but the type Json.
 */

export type { Json } from "../json.ts";
export { PermissionDenied, PluginError } from "./boundary/errors.ts";
export type * from "./boundary/names.ts";
export type { PermissionState, RegionSite, SharedEntry, SharedPage } from "./boundary/wire.ts";
export type { RunResult } from "./database.ts";
export { definePlugin } from "./define-plugin.ts";
export type * from "./events.ts";
export { Plugin } from "./plugin.ts";
export type { Region } from "./region.ts";
export type * from "./storable.ts";
export {
  byteLength,
  type CatalogueText,
  cutText,
  defineTexts,
  type FitOptions,
  fitLines,
  type NamesIn,
  type Placeholders,
  type TextCatalogue,
  type Texts,
  type TextValues,
} from "./texts.ts";
export type * from "./types/context.ts";
export type * from "./types/handlers.ts";
export type * from "./types/messages.ts";
export type * from "./types/network.ts";
export type * from "./types/plugins.ts";
export type * from "./types/region.ts";
export type * from "./types/services.ts";
export type { Widened } from "./widened.ts";
export { asWritten } from "./written.ts";
