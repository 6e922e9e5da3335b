import { rest } from "../../state/address.ts";
import { search, shape } from "./choice.ts";
import { NodeDetail } from "./detail.tsx";
import { NodeList } from "./list.tsx";
import { NodeMap } from "./map.tsx";

export function Nodes() {
  const chosen = rest.value[0];
  return (
    <div class={chosen === undefined ? "split" : "split chosen"}>
      <div class="split-list">
        <div class="tools">
          <label class="grow">
            <span class="only-read">Search nodes</span>
            <input
              type="search"
              placeholder="Search by name, id, hardware or role"
              value={search.value}
              onInput={(event) => (search.value = event.currentTarget.value)}
            />
          </label>
          <fieldset class="choice">
            <legend class="only-read">Shown as</legend>
            {(["table", "map"] as const).map((name) => (
              <label key={name}>
                <input type="radio" name="shape" checked={shape.value === name} onChange={() => (shape.value = name)} />
                {name === "table" ? "Table" : "Map"}
              </label>
            ))}
          </fieldset>
        </div>
        {shape.value === "table" ? <NodeList /> : <NodeMap />}
      </div>
      {chosen !== undefined && <NodeDetail key={chosen} id={chosen} />}
    </div>
  );
}
