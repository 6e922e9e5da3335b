import type { PluginDetail } from "../../api/types.ts";
import { Empty } from "../../parts/card.tsx";
import { Stranger } from "../../parts/format.tsx";
import { Icon } from "../../parts/icon.tsx";
import { useLoaded } from "../../parts/loaded.ts";
import { addressOf } from "../../state/address.ts";
import { plugins } from "../../state/facts.ts";
import { PluginLog } from "./log.tsx";
import { PluginOverview } from "./overview.tsx";
import { PluginPermissions } from "./permissions.tsx";
import { PluginSchedule } from "./schedule.tsx";
import { PluginSettings } from "./settings/settings.tsx";
import { StateBadge } from "./state.tsx";

const TABS = { overview: "Overview", permissions: "Permissions", settings: "Settings", log: "Log", schedule: "Schedule" } as const;

/** One plugin. */
export function PluginPage({ name, tab }: { readonly name: string; readonly tab: string }) {
  const summary = plugins.value?.find((plugin) => plugin.name === name);
  const turn = JSON.stringify([summary?.state, summary?.version, summary?.pending, summary?.since]);
  const detail = useLoaded<PluginDetail>(summary === undefined ? null : `plugins/${encodeURIComponent(name)}`, turn);
  if (plugins.value !== null && summary === undefined)
    return (
      <Empty>
        There is no plugin called <Stranger text={name} />. <a href={addressOf("plugins")}>All plugins</a>
      </Empty>
    );
  if (summary === undefined) return <Empty>Loading</Empty>;
  return (
    <>
      <div class="page-head">
        <a class="button quiet" href={addressOf("plugins")} aria-label="Back to all plugins">
          <Icon name="back" />
        </a>
        <h2 class="cut">{name}</h2>
        <span class="hint">{summary.version}</span>
        <StateBadge plugin={summary} />
      </div>
      <nav class="tabs" aria-label="Parts of this plugin">
        {Object.entries(TABS).map(([key, title]) => (
          <a
            key={key}
            href={key === "overview" ? addressOf("plugins", name) : addressOf("plugins", name, key)}
            aria-current={tab === key ? "page" : undefined}
          >
            {title}
          </a>
        ))}
      </nav>
      <Tab tab={tab} name={name} detail={detail.value} again={detail.again} />
    </>
  );
}

interface TabProps {
  readonly tab: string;
  readonly name: string;
  readonly detail: PluginDetail | null;
  again(): void;
}

function Tab({ tab, name, detail, again }: TabProps) {
  if (tab === "permissions") return <PluginPermissions name={name} again={again} />;
  if (tab === "settings") return <PluginSettings name={name} />;
  if (tab === "log") return <PluginLog name={name} />;
  if (tab === "schedule") return <PluginSchedule name={name} />;
  return <PluginOverview name={name} detail={detail} />;
}
