import { signal } from "@preact/signals";
import type { PluginSummary } from "../../api/types.ts";
import { Badge, Empty } from "../../parts/card.tsx";
import { Duration, Stranger, size } from "../../parts/format.tsx";
import { addressOf } from "../../state/address.ts";
import { isWaiting, plugins } from "../../state/facts.ts";
import { may } from "../../state/me.ts";
import { InstallButton } from "./install.tsx";
import { isTroubled, StateBadge } from "./state.tsx";

const FILTERS = ["All", "Waiting", "In trouble", "Installed", "Bundled"] as const;
const search = signal("");
const filter = signal<(typeof FILTERS)[number]>("All");

const MATCHES: Readonly<Record<(typeof FILTERS)[number], (plugin: PluginSummary) => boolean>> = {
  All: () => true,
  Waiting: isWaiting,
  "In trouble": isTroubled,
  Installed: (plugin) => !plugin.bundled,
  Bundled: (plugin) => plugin.bundled,
};

export function PluginList() {
  const all = plugins.value;
  if (all === null) return <Empty>Loading</Empty>;
  const wanted = search.value.trim().toLowerCase();
  const shown = all
    .filter(MATCHES[filter.value])
    .filter(({ name, description = "" }) => `${name} ${description}`.toLowerCase().includes(wanted))
    .sort((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name));
  return (
    <>
      <div class="tools">
        <label class="grow">
          <span class="only-read">Search plugins</span>
          <input type="search" placeholder="Search" value={search.value} onInput={(event) => (search.value = event.currentTarget.value)} />
        </label>
        <label>
          <span class="only-read">Show</span>
          <select
            value={filter.value}
            onChange={(event) => (filter.value = FILTERS.find((each) => each === event.currentTarget.value) ?? "All")}
          >
            {FILTERS.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
        {may("admin") && <InstallButton />}
      </div>
      {shown.length === 0 ? (
        <Empty>No plugin matches.</Empty>
      ) : (
        <ul class="plugin-cards" aria-label={`Plugins, ${shown.length}`}>
          {shown.map((plugin) => (
            <Card key={plugin.name} plugin={plugin} />
          ))}
        </ul>
      )}
    </>
  );
}

/** Those that need the operator come first. */
const rank = (plugin: PluginSummary) => (isWaiting(plugin) ? 0 : isTroubled(plugin) ? 1 : 2);

function Card({ plugin }: { readonly plugin: PluginSummary }) {
  const { name, version, description = "", bundled, reason, since, metrics } = plugin;
  return (
    <li data-name={name}>
      <a class="card" href={addressOf("plugins", name)}>
        <span class="row">
          <strong class="cut grow">{name}</strong>
          <StateBadge plugin={plugin} />
        </span>
        <span class="plugin-about">
          <Stranger text={description} />
        </span>
        {isTroubled(plugin) && reason && (
          <span class="problem">
            <Stranger text={reason} />
          </span>
        )}
        <span class="hint plugin-facts">
          {version}
          {bundled ? ", bundled" : ""}, <Duration since={since} />, {metrics.calls} calls, {size(metrics.memory_bytes)} memory,{" "}
          {size(metrics.storage_bytes)} stored
        </span>
        {isWaiting(plugin) && <Badge tone="warn">Review what it asks for</Badge>}
      </a>
    </li>
  );
}
