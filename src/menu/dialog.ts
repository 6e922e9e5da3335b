import type { Handle } from "../ids.ts";
import type { Json } from "../json.ts";
import type { NodeNumber } from "../mesh/ids.ts";

/** A text from the mesh, as the menus need it. */
export interface MenuInput {
  readonly node: NodeNumber;
  readonly text: string;
  readonly isDirect: boolean;
  readonly isAdmin: boolean;
}

export type MenuReply =
  /** Sent as it is, in one message. */
  | { readonly kind: "page"; readonly text: string }
  /** A plugin's handler is to be called. */
  | {
      readonly kind: "invoke";
      readonly plugin: string;
      readonly handle: Handle;
      readonly menu: string;
      readonly label: string;
      readonly command: string | null;
      readonly args: readonly string[];
      readonly sessionData: { readonly [key: string]: Json };
      /** Sent when the handler replies nothing: the items under the chosen one. */
      readonly fallback: string | null;
    }
  /** Not for the menus: the router continues. */
  | { readonly kind: "not_ours" };
