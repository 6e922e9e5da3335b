import type * as v from "valibot";
import type { RequestOutcome } from "../../../bridge/realm-spec.ts";
import type { PermissionName } from "../../../permissions/grammar/types.ts";
import type { ArgsOf, OperationName } from "../../../sdk/boundary/operations.ts";
import type { Call } from "./call.ts";

/** How a capability is explained, and found in a plugin's source. */
export interface Described {
  /** Every permission it may ask for, the usual one first; empty where none is needed. */
  readonly asks: readonly PermissionName[];
  /** What the plugin does with it: "sends text to the mesh". */
  readonly words: string;
  /** Methods of the sdk that lead to it; by these `plugin check` finds the permission that a source needs. */
  readonly methods: readonly string[];
}

/** One way out of a realm to the gateway: all that there is to know of one operation. */
export interface Capability<O extends OperationName, Args extends ArgsOf<O> = ArgsOf<O>> extends Described {
  readonly args: v.GenericSchema<unknown, Args>;
  run(call: Call<Args>): Promise<RequestOutcome>;
}

/** One way into a realm, which the gateway goes on the plugin's behalf: no token crosses the bridge for it. */
export type WayIn = Described;
