import { useMemo, useRef } from "preact/hooks";
import type { NodeView } from "../../api/types.ts";
import { Empty } from "../../parts/card.tsx";
import { Age, Stranger } from "../../parts/format.tsx";
import { VirtualRows } from "../../parts/virtual-rows.tsx";
import { addressOf, rest } from "../../state/address.ts";
import { nodes } from "../../state/facts.ts";
import { now } from "../../state/time.ts";
import { filtered, type SortKey, search, sort } from "./choice.ts";

const ROW_PX = 52;
/** So often the order follows what was heard meanwhile, unless the pointer or the focus is in the list. */
const REORDER_MS = 10_000;

const COLUMNS: readonly (readonly [SortKey, string])[] = [
  ["name", "Name"],
  ["heard", "Heard"],
  ["snr", "SNR"],
  ["hops", "Hops"],
  ["battery", "Battery"],
  ["link", "Link"],
];

export function NodeList() {
  const box = useRef<HTMLDivElement>(null);
  const turn = useRef(0);
  const isInUse = box.current?.matches(":hover, :focus-within") === true;
  if (!isInUse) turn.current = Math.floor(now.value / REORDER_MS);
  const size = nodes.value.size;
  // The order stands still between turns; the values in the rows are always the latest.
  const order = useMemo(
    () => filtered(nodes.peek(), search.value, sort.value).map(({ id }) => id),
    [turn.current, size, search.value, sort.value],
  );
  const rows = order.flatMap((id) => nodes.value.get(id) ?? []);
  return (
    <div class="node-list" ref={box}>
      <div class="node-row node-head" role="group" aria-label="Sort nodes by">
        {COLUMNS.map(([key, title]) => (
          <SortButton key={key} name={key} title={title} />
        ))}
      </div>
      {rows.length === 0 ? (
        <Empty>{size === 0 ? "No node has been heard yet." : "No node matches."}</Empty>
      ) : (
        <VirtualRows
          label={`Nodes, ${rows.length}`}
          items={rows}
          rowHeight={ROW_PX}
          keyOf={(node) => node.id}
          render={(node) => <Row node={node} />}
        />
      )}
    </div>
  );
}

function SortButton({ name, title }: { readonly name: SortKey; readonly title: string }) {
  const { key, descending } = sort.value;
  const isChosen = key === name;
  const press = () => {
    sort.value = { key: name, descending: isChosen ? !descending : name !== "name" && name !== "hops" && name !== "link" };
  };
  return (
    <button type="button" class="quiet" aria-pressed={isChosen} onClick={press}>
      {title}
      <span aria-hidden="true">{isChosen ? (descending ? " ↓" : " ↑") : ""}</span>
      {isChosen && <span class="only-read">{descending ? ", falling" : ", rising"}</span>}
    </button>
  );
}

function Row({ node }: { readonly node: NodeView }) {
  const { id, long_name, short_name, last_heard, snr, hops_away, battery_level, link, is_own } = node;
  return (
    <a class="node-row" href={addressOf("nodes", id)} aria-current={rest.value[0] === id ? "true" : undefined}>
      <span class="node-name">
        <span class="avatar" aria-hidden="true">
          <Stranger text={(short_name ?? id.slice(-4)).slice(0, 4)} />
        </span>
        <span class="cut">
          <strong class="cut">
            <Stranger text={long_name ?? id} />
          </strong>
          <span class="hint mono"> {id}</span>
        </span>
      </span>
      <span>{is_own ? "this gateway" : <Age at={last_heard} never="-" />}</span>
      <span class="number">{snr === undefined ? "-" : `${snr} dB`}</span>
      <span class="number">{hops_away ?? "-"}</span>
      <span class="number">{batteryText(battery_level)}</span>
      <span class="cut">{link}</span>
    </a>
  );
}

export function batteryText(level: number | undefined): string {
  return level === undefined ? "-" : level > 100 ? "powered" : `${level} %`;
}
