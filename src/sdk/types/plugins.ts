/** What plugins see of each other, and what they send each other. */
import type { Json } from "../../json.ts";

/** A plugin as others see it. */
export interface PluginInfo {
  /** As in its manifest. */
  readonly name: string;
  /** As in its manifest. */
  readonly version: string;
  /** `running`, `disabled`, `failed` and the like. */
  readonly state: string;
  /** What its manifest says it offers to other plugins. */
  readonly provides: readonly string[];
  /** Further facts. */
  readonly [field: string]: Json;
}

/** A message from another plugin. What the handler returns is the answer. */
export interface PluginMessage {
  /** Names this message. */
  readonly id: string;
  /** What the message is about; the two plugins agree on the words. */
  readonly type: string;
  /** Name of the plugin that sent it; `@operator` for a message of the operator (`zephyrgate plugin ask`), which no plugin can forge. */
  readonly source: string;
  /** Name of the plugin it is for. */
  readonly target: string;
  /** ms since 1970. */
  readonly timestamp: number;
  /** What was sent. */
  readonly data: Json;
}
