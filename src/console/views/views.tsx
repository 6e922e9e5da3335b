import type { ComponentChildren } from "preact";
import { useErrorBoundary } from "preact/hooks";
import type { ViewName } from "../state/address.ts";
import { LogView } from "./log/log.tsx";
import { Messages } from "./messages/messages.tsx";
import { Nodes } from "./nodes/nodes.tsx";
import { Overview } from "./overview/overview.tsx";
import { Plugins } from "./plugins/plugins.tsx";
import { Region } from "./region/region.tsx";
import { SettingsView } from "./settings/settings.tsx";

/** A view that fails takes nothing else with it: alerts, navigation and silence stay at hand. */
export function ViewOf({ name }: { readonly name: ViewName }) {
  return (
    <Contained key={name}>
      <View name={name} />
    </Contained>
  );
}

function Contained({ children }: { readonly children: ComponentChildren }) {
  const [error, again] = useErrorBoundary((thrown) => console.error(thrown));
  if (error === undefined) return <>{children}</>;
  return (
    <div class="banner bad" role="alert">
      <span class="grow">This view failed: {error instanceof Error ? error.message : "for an unknown reason"}.</span>
      <button type="button" onClick={again}>
        Show it again
      </button>
    </div>
  );
}

function View({ name }: { readonly name: ViewName }) {
  if (name === "messages") return <Messages />;
  if (name === "nodes") return <Nodes />;
  if (name === "plugins") return <Plugins />;
  if (name === "region") return <Region />;
  if (name === "log") return <LogView />;
  if (name === "settings") return <SettingsView />;
  return <Overview />;
}
