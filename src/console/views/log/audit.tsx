import { signal } from "@preact/signals";
import { useState } from "preact/hooks";
import { call } from "../../api/call.ts";
import type { AuditEntryView, AuditVerdict } from "../../api/types.ts";
import { Empty } from "../../parts/card.tsx";
import { words } from "../../parts/format.tsx";
import { printable } from "../../parts/printable.ts";
import { VirtualRows } from "../../parts/virtual-rows.tsx";
import { query, setQuery } from "../../state/address.ts";
import { plugins } from "../../state/facts.ts";
import { tell, valueOrTell } from "../../state/notices.ts";
import { useEntries } from "./audit-entries.ts";
import { DownloadButton } from "./download.tsx";

const ROW_PX = 30;
const isFollowing = signal(true);

/** Decisions, grants and what operators did: those that come, and older ones as one scrolls up. The filter is in the address. */
export function Audit() {
  const plugin = query.value.get("plugin") ?? "";
  const result = query.value.get("result") ?? "";
  const { entries, more } = useEntries({ plugin, result }, isFollowing.value);
  return (
    <>
      <Tools plugin={plugin} result={result} entries={entries ?? []} />
      {entries === null ? (
        <Empty>Loading</Empty>
      ) : entries.length === 0 ? (
        <Empty>No entries.</Empty>
      ) : (
        <Entries entries={entries} more={more} />
      )}
    </>
  );
}

interface ToolsProps {
  readonly plugin: string;
  readonly result: string;
  readonly entries: readonly AuditEntryView[];
}

function Tools({ plugin, result, entries }: ToolsProps) {
  const names = (plugins.value ?? []).map(({ name }) => name);
  return (
    <div class="tools">
      <label>
        <span class="only-read">Plugin</span>
        <select value={plugin} onChange={(event) => setQuery({ plugin: event.currentTarget.value, result })}>
          <option value="">all plugins and operators</option>
          {/* One that was removed may be in the address. */}
          {[...new Set([...names, ...(plugin === "" ? [] : [plugin])])].map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </label>
      <label>
        <span class="only-read">Result</span>
        <select value={result} onChange={(event) => setQuery({ plugin, result: event.currentTarget.value })}>
          <option value="">allowed and denied</option>
          <option value="allow">allowed</option>
          <option value="deny">denied</option>
        </select>
      </label>
      <span class="grow" />
      <label class="row">
        <input type="checkbox" checked={isFollowing.value} onChange={(event) => (isFollowing.value = event.currentTarget.checked)} /> Follow
      </label>
      <button type="button" onClick={() => void verify().catch(console.error)}>
        Verify the chain
      </button>
      <DownloadButton name="audit" items={entries} />
    </div>
  );
}

async function verify(): Promise<void> {
  const verdict = valueOrTell(await call<AuditVerdict>("GET", "audit/verify"), "The chain");
  if (verdict === null) return;
  if (verdict.intact) tell("done", `The chain is intact: ${verdict.entries} entries.`);
  else tell("error", `The chain is broken at ${verdict.broken_at ?? "an unknown place"}.`);
}

interface EntriesProps {
  /** Oldest first. */
  readonly entries: readonly AuditEntryView[];
  more(): void;
}

function Entries({ entries, more }: EntriesProps) {
  const [chosen, setChosen] = useState<AuditEntryView | null>(null);
  return (
    <div class="log">
      <VirtualRows
        label="Audit log, newest last"
        items={entries}
        rowHeight={ROW_PX}
        follow={isFollowing.value}
        onStart={more}
        keyOf={(entry) => String(entry.seq)}
        render={(entry) => (
          <button type="button" class="log-line audit-line" aria-pressed={chosen?.seq === entry.seq} onClick={() => setChosen(entry)}>
            <time class="log-time" dateTime={entry.time}>
              {timeOf(entry.time)}
            </time>
            <span class={entry.result === "deny" ? "denied" : ""}>{entry.result === "deny" ? "denied" : "allowed"}</span>
            <span class="cut audit-more">{entry.plugin ?? "-"}</span>
            <span class="cut">{whatOf(entry)}</span>
            <span class="cut hint audit-more">{whyOf(entry)}</span>
          </button>
        )}
      />
      {chosen !== null && <Chosen entry={chosen} close={() => setChosen(null)} />}
    </div>
  );
}

function Chosen({ entry, close }: { readonly entry: AuditEntryView; close(): void }) {
  return (
    <div class="log-detail" role="status">
      <div class="row">
        <strong class="grow">
          {new Date(entry.time).toLocaleString()}, {entry.plugin ?? "no plugin"}, {entry.result === "deny" ? "denied" : "allowed"}
        </strong>
        <button type="button" class="quiet" onClick={close}>
          Close
        </button>
      </div>
      <p class="text">{whatOf(entry)}</p>
      <p class="text hint">{whyOf(entry)}</p>
      {entry.correlation_id && <p class="hint mono">{entry.correlation_id}</p>}
    </div>
  );
}

function whatOf({ scope, permission, kind, count }: AuditEntryView): string {
  const what = [permission, scope].filter((each) => each !== null && each !== "").join(" ") || words(kind);
  return printable(count !== undefined && count > 1 ? `${what} (${count} times)` : what);
}

/** Facts of an entry that is no decision come as a text of JSON. */
function whyOf({ rule, detail }: AuditEntryView): string {
  return printable(rule || (detail ?? "").replace(/^\{"detail":"(.*)"\}$/s, "$1"));
}

const TIME = { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false } as const;
const timeOf = (time: string) => new Date(time).toLocaleString([], TIME);
