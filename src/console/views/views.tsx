import type { ViewName } from "../state/address.ts";
import { Messages } from "./messages/messages.tsx";
import { Nodes } from "./nodes/nodes.tsx";
import { Overview } from "./overview/overview.tsx";
import { Plugins } from "./plugins/plugins.tsx";

export function ViewOf({ name }: { readonly name: ViewName }) {
  if (name === "messages") return <Messages />;
  if (name === "nodes") return <Nodes />;
  if (name === "plugins") return <Plugins />;
  return <Overview />;
}
