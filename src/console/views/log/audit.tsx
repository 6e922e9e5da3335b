import { useEffect, useState } from "preact/hooks";
import { call, callPage } from "../../api/call.ts";
import type { AuditEntryView, AuditVerdict } from "../../api/types.ts";
import { Badge, Empty } from "../../parts/card.tsx";
import { printable, words } from "../../parts/format.tsx";
import { plugins } from "../../state/facts.ts";
import { tell, valueOrTell } from "../../state/notices.ts";
import { DownloadButton } from "./download.tsx";

/** Decisions, grants and what operators did, newest first. */
export function Audit() {
  const [plugin, setPlugin] = useState("");
  const [result, setResult] = useState("");
  const [entries, setEntries] = useState<readonly AuditEntryView[] | null>(null);
  const [next, setNext] = useState<string | null>(null);
  const path = `audit?${new URLSearchParams({ ...(plugin === "" ? {} : { plugin }), ...(result === "" ? {} : { result }) })}`;
  const load = (cursor: string | null) => {
    callPage<AuditEntryView>(path, cursor)
      .then((answer) => {
        const page = valueOrTell(answer);
        if (page === null) return;
        setEntries((old) => (cursor === null ? page.items : [...(old ?? []), ...page.items]));
        setNext(page.next);
      })
      .catch(console.error);
  };
  useEffect(() => load(null), [path]);
  return (
    <>
      <div class="tools">
        <label>
          <span class="only-read">Plugin</span>
          <select value={plugin} onChange={(event) => setPlugin(event.currentTarget.value)}>
            <option value="">all plugins and operators</option>
            {(plugins.value ?? []).map(({ name }) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
        <label>
          <span class="only-read">Result</span>
          <select value={result} onChange={(event) => setResult(event.currentTarget.value)}>
            <option value="">allowed and denied</option>
            <option value="allow">allowed</option>
            <option value="deny">denied</option>
          </select>
        </label>
        <span class="grow" />
        <button type="button" onClick={() => load(null)}>
          Load again
        </button>
        <button type="button" onClick={() => void verify().catch(console.error)}>
          Verify the chain
        </button>
        <DownloadButton name="audit" items={entries ?? []} />
      </div>
      {entries === null ? <Empty>Loading</Empty> : entries.length === 0 ? <Empty>No entries.</Empty> : <Entries entries={entries} />}
      {next !== null && (
        <button type="button" class="more" onClick={() => load(next)}>
          Older entries
        </button>
      )}
    </>
  );
}

async function verify(): Promise<void> {
  const verdict = valueOrTell(await call<AuditVerdict>("GET", "audit/verify"), "The chain");
  if (verdict === null) return;
  if (verdict.intact) tell("done", `The chain is intact: ${verdict.entries} entries.`);
  else tell("error", `The chain is broken at ${verdict.broken_at ?? "an unknown place"}.`);
}

function Entries({ entries }: { readonly entries: readonly AuditEntryView[] }) {
  return (
    <div class="table-box">
      <table>
        <thead>
          <tr>
            <th scope="col">Time</th>
            <th scope="col">What</th>
            <th scope="col">Plugin</th>
            <th scope="col">Result</th>
            <th scope="col">Why</th>
          </tr>
        </thead>
        <tbody>
          {entries.map((entry, at) => (
            <tr key={`${entry.time}/${entry.seq}/${at}`}>
              <td>
                <time dateTime={entry.time}>{new Date(entry.time).toLocaleString()}</time>
              </td>
              <td>
                {printable(entry.scope ?? entry.permission ?? words(entry.kind))}
                {entry.count !== undefined && entry.count > 1 && <span class="hint"> {entry.count} times</span>}
              </td>
              <td>{entry.plugin ?? "-"}</td>
              <td>
                <Badge tone={entry.result === "deny" ? "bad" : "good"}>{entry.result === "deny" ? "denied" : "allowed"}</Badge>
              </td>
              <td class="hint">{printable(entry.rule || detailOf(entry.detail))}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Facts of an entry that is no decision come as a text of JSON. */
function detailOf(detail: string | null | undefined): string {
  return (detail ?? "").replace(/^\{"detail":"(.*)"\}$/s, "$1");
}
