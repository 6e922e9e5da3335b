import { useState } from "preact/hooks";
import type { NumberedLine } from "../state/log-lines.ts";
import { Empty } from "./card.tsx";
import { printable } from "./printable.ts";
import { VirtualRows } from "./virtual-rows.tsx";

const ROW_PX = 30;
const TONES: Readonly<Record<string, string>> = { ERROR: "bad", WARN: "warn", INFO: "", DEBUG: "hint" };

interface LogLinesProps {
  readonly lines: readonly NumberedLine[];
  readonly follow: boolean;
  readonly label: string;
  onStart?(): void;
}

/** Lines of the log, one row each; what does not fit is told below when a row is chosen. */
export function LogLines({ lines, follow, label, onStart }: LogLinesProps) {
  const [chosen, setChosen] = useState<NumberedLine | null>(null);
  if (lines.length === 0) return <Empty>No lines.</Empty>;
  return (
    <div class="log">
      <VirtualRows
        label={label}
        items={lines}
        rowHeight={ROW_PX}
        follow={follow}
        {...(onStart === undefined ? {} : { onStart })}
        keyOf={(line) => String(line.seq)}
        render={(line) => (
          <button
            type="button"
            class={`log-line ${TONES[line.level] ?? ""}`}
            aria-pressed={chosen?.seq === line.seq}
            onClick={() => setChosen(line)}
          >
            <span class="log-time">{timeOf(line.timestamp)}</span>
            <span class="log-level">{line.level}</span>
            <span class="log-place cut">{line.plugin ?? line.category}</span>
            <span class="cut">{printable(textOf(line))}</span>
          </button>
        )}
      />
      {chosen !== null && <Chosen line={chosen} close={() => setChosen(null)} />}
    </div>
  );
}

function Chosen({ line, close }: { readonly line: NumberedLine; close(): void }) {
  const { timestamp, level, plugin, category, correlation_id, stack_trace, context } = line;
  const facts = Object.entries(context).map(([key, value]) => `${key}=${typeof value === "string" ? value : JSON.stringify(value)}`);
  return (
    <div class="log-detail" role="status">
      <div class="row">
        <strong class="grow">
          {new Date(timestamp).toLocaleString()} {level} {plugin ?? category}
        </strong>
        <button type="button" class="quiet" onClick={close}>
          Close
        </button>
      </div>
      <p class="text">{printable(textOf(line))}</p>
      {facts.length > 0 && <p class="mono text hint">{printable(facts.join("\n"))}</p>}
      {stack_trace && <pre class="mono text">{printable(stack_trace)}</pre>}
      {correlation_id && <p class="hint mono">{correlation_id}</p>}
    </div>
  );
}

function textOf({ message, error_message, error_type }: NumberedLine): string {
  return error_message ? `${message}: ${error_type ?? "Error"}: ${error_message}` : message;
}

function timeOf(timestamp: string): string {
  return new Date(timestamp).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
}
