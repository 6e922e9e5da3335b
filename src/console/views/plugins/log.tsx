import { useMemo, useState } from "preact/hooks";
import type { LogLine } from "../../api/types.ts";
import { useLoaded } from "../../parts/loaded.ts";
import { LogLines } from "../../parts/log-lines.tsx";
import { liveLines, numbered } from "../../state/log-lines.ts";

const LEVELS: readonly string[] = ["debug", "info", "warn", "error"];
const rank = (level: string) => LEVELS.indexOf(level.toLowerCase());

/** The plugin's last lines, and those that come. */
export function PluginLog({ name }: { readonly name: string }) {
  const [level, setLevel] = useState<string>("info");
  const loaded = useLoaded<{ readonly items: readonly LogLine[] }>(`plugins/${encodeURIComponent(name)}/logs?level=${level}&limit=500`);
  const past = useMemo(() => numbered(loaded.value?.items ?? []), [loaded.value]);
  const last = past.at(-1)?.timestamp ?? "";
  const live = liveLines.value.filter((line) => line.plugin === name && rank(line.level) >= rank(level) && line.timestamp > last);
  return (
    <>
      <div class="tools">
        <label class="row">
          From level
          <select value={level} onChange={(event) => setLevel(event.currentTarget.value)}>
            {LEVELS.map((each) => (
              <option key={each}>{each}</option>
            ))}
          </select>
        </label>
        {level === "debug" && <span class="hint">Debug lines are kept only where the log's level for this plugin is debug.</span>}
      </div>
      <LogLines lines={[...past, ...live]} follow label={`Log of ${name}`} />
    </>
  );
}
