import { signal } from "@preact/signals";
import { useEffect, useMemo, useState } from "preact/hooks";
import { callPage } from "../../api/call.ts";
import type { LogLine } from "../../api/types.ts";
import { LogLines } from "../../parts/log-lines.tsx";
import { plugins } from "../../state/facts.ts";
import { liveLines, type NumberedLine, numbered } from "../../state/log-lines.ts";
import { valueOrTell } from "../../state/notices.ts";
import { DownloadButton } from "./download.tsx";

const LEVELS: readonly string[] = ["debug", "info", "warn", "error"];
const level = signal("info");
const plugin = signal("");
const search = signal("");

const rank = (word: string) => LEVELS.indexOf(word.toLowerCase());

function matches(line: LogLine): boolean {
  const wanted = search.value.trim().toLowerCase();
  if (rank(line.level) < rank(level.value) || (plugin.value !== "" && line.plugin !== plugin.value)) return false;
  return (
    wanted === "" ||
    JSON.stringify([line.message, line.category, line.error_message, line.context, line.correlation_id]).toLowerCase().includes(wanted)
  );
}

/** The last lines of the log, with those that come; older ones are loaded as one scrolls up. */
export function Log() {
  const [past, setPast] = useState<readonly NumberedLine[]>([]);
  const [older, setOlder] = useState<string | null>(null);
  const [isFollowing, setFollowing] = useState(true);
  const [frozen, setFrozen] = useState<readonly NumberedLine[]>([]);
  const chosenLevel = level.value;
  useEffect(() => {
    setPast([]);
    callPage<LogLine>(`logs?level=${chosenLevel}`, null)
      .then((answer) => {
        const page = valueOrTell(answer);
        setPast(numbered(page?.items ?? []));
        setOlder(page?.next ?? null);
      })
      .catch(console.error);
  }, [chosenLevel]);
  const more = () => {
    if (older === null) return;
    setOlder(null);
    callPage<LogLine>(`logs?level=${chosenLevel}`, older)
      .then((answer) => {
        const page = valueOrTell(answer);
        setPast((old) => [...numbered(page?.items ?? []), ...old]);
        setOlder(page?.next ?? null);
      })
      .catch(console.error);
  };
  const last = past.at(-1)?.timestamp ?? "";
  const live = isFollowing ? liveLines.value.filter((line) => line.timestamp > last) : frozen;
  const lines = useMemo(() => [...past, ...live].filter(matches), [past, live, level.value, plugin.value, search.value]);
  const follow = (on: boolean) => {
    setFrozen(live);
    setFollowing(on);
  };
  return (
    <>
      <Tools lines={lines} isFollowing={isFollowing} follow={follow} />
      <LogLines lines={lines} follow={isFollowing} label="Log, newest last" onStart={more} />
    </>
  );
}

interface ToolsProps {
  readonly lines: readonly LogLine[];
  readonly isFollowing: boolean;
  follow(on: boolean): void;
}

function Tools({ lines, isFollowing, follow }: ToolsProps) {
  return (
    <div class="tools">
      <label class="grow">
        <span class="only-read">Search the log</span>
        <input type="search" placeholder="Search" value={search.value} onInput={(event) => (search.value = event.currentTarget.value)} />
      </label>
      <label>
        <span class="only-read">From level</span>
        <select value={level.value} onChange={(event) => (level.value = event.currentTarget.value)}>
          {LEVELS.map((each) => (
            <option key={each}>{each}</option>
          ))}
        </select>
      </label>
      <label>
        <span class="only-read">Plugin</span>
        <select value={plugin.value} onChange={(event) => (plugin.value = event.currentTarget.value)}>
          <option value="">everything</option>
          {(plugins.value ?? []).map(({ name }) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </label>
      <label class="row">
        <input type="checkbox" checked={isFollowing} onChange={(event) => follow(event.currentTarget.checked)} /> Follow
      </label>
      <DownloadButton name="log" items={lines} />
    </div>
  );
}
