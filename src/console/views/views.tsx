import type { ViewName } from "../state/address.ts";
import { LogView } from "./log/log.tsx";
import { Messages } from "./messages/messages.tsx";
import { Nodes } from "./nodes/nodes.tsx";
import { Overview } from "./overview/overview.tsx";
import { Plugins } from "./plugins/plugins.tsx";
import { Region } from "./region/region.tsx";
import { SettingsView } from "./settings/settings.tsx";

export function ViewOf({ name }: { readonly name: ViewName }) {
  if (name === "messages") return <Messages />;
  if (name === "nodes") return <Nodes />;
  if (name === "plugins") return <Plugins />;
  if (name === "region") return <Region />;
  if (name === "log") return <LogView />;
  if (name === "settings") return <SettingsView />;
  return <Overview />;
}
