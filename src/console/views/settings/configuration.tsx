import { useState } from "preact/hooks";
import type { ConfigurationView } from "../../api/types.ts";
import { Badge, Card, Empty } from "../../parts/card.tsx";
import { useLoaded } from "../../parts/loaded.ts";
import { printable } from "../../parts/printable.ts";

/** What is configured, and where; it is changed in the file. */
export function Configuration() {
  const loaded = useLoaded<ConfigurationView>("config");
  const [search, setSearch] = useState("");
  const [isAll, setAll] = useState(false);
  if (loaded.value === null) return <Empty>Loading the configuration</Empty>;
  const { file, values } = loaded.value;
  const shown = values.filter(({ key, from }) => (isAll || from !== "default") && key.toLowerCase().includes(search.trim().toLowerCase()));
  return (
    <Card title="Effective configuration" wide>
      <p class="hint">
        {file === null ? "No file: built-in defaults." : `From ${file}. It is changed there; most keys take effect when the file is saved.`}{" "}
        Secrets are withheld.
      </p>
      <div class="tools">
        <label class="grow">
          <span class="only-read">Search keys</span>
          <input type="search" placeholder="Search keys" value={search} onInput={(event) => setSearch(event.currentTarget.value)} />
        </label>
        <label class="row">
          <input type="checkbox" checked={isAll} onChange={(event) => setAll(event.currentTarget.checked)} /> Defaults too
        </label>
      </div>
      {shown.length === 0 ? (
        <Empty>{isAll ? "No key matches." : "Nothing differs from the defaults."}</Empty>
      ) : (
        <div class="table-box">
          <table>
            <thead>
              <tr>
                <th scope="col">Key</th>
                <th scope="col">Value</th>
                <th scope="col">From</th>
              </tr>
            </thead>
            <tbody>
              {shown.map(({ key, value, from }) => (
                <tr key={key}>
                  <td class="mono">{key}</td>
                  <td class="mono">{printable(JSON.stringify(value) ?? "")}</td>
                  <td>{from === "default" ? <Badge tone="plain">default</Badge> : <span class="hint mono">{from}</span>}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Card>
  );
}
