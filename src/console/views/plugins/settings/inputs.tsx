import { useState } from "preact/hooks";
import { kindOf, type Schema } from "./schema.ts";

export interface FieldProps {
  readonly name: string;
  readonly path: readonly string[];
  readonly schema: Schema;
  readonly value: unknown;
  readonly isRequired: boolean;
  /** Errors of the whole form, by dotted path. */
  readonly errors: ReadonlyMap<string, string>;
  change(path: readonly string[], value: unknown): void;
}

export interface InputProps extends FieldProps {
  readonly id: string;
  readonly described: string;
  readonly isWrong: boolean;
}

/** The field of one setting that is no group. */
export function Input(props: InputProps) {
  const { id, path, schema, value, change, described, isWrong } = props;
  const common = { id, "aria-describedby": described, "aria-invalid": isWrong };
  switch (kindOf(schema)) {
    case "flag":
      return (
        <span class="row">
          <input {...common} type="checkbox" checked={value === true} onChange={(event) => change(path, event.currentTarget.checked)} />
        </span>
      );
    case "number":
      return (
        <input
          {...common}
          type="number"
          step={schema.type === "integer" ? 1 : "any"}
          value={typeof value === "number" ? value : ""}
          onInput={(event) => change(path, event.currentTarget.value === "" ? undefined : event.currentTarget.valueAsNumber)}
        />
      );
    case "choice":
      return (
        <select
          {...common}
          value={String(value)}
          onChange={(event) =>
            change(
              path,
              schema.enum?.find((each) => String(each) === event.currentTarget.value),
            )
          }
        >
          {value === undefined && <option value="undefined">not set</option>}
          {schema.enum?.map((each) => (
            <option key={String(each)} value={String(each)}>
              {String(each)}
            </option>
          ))}
        </select>
      );
    case "choices":
      return <Choices {...props} />;
    case "lines":
      return <Lines {...props} />;
    case "text":
      return (
        <input
          {...common}
          type="text"
          value={typeof value === "string" ? value : ""}
          onInput={(event) => change(path, event.currentTarget.value)}
        />
      );
    default:
      return <JsonText {...props} />;
  }
}

function Choices({ schema, value, path, change }: InputProps) {
  const chosen = Array.isArray(value) ? value : [];
  const all = schema.items?.enum ?? [];
  return (
    <span class="row">
      {all.map((each) => (
        <label key={String(each)} class="row">
          <input
            type="checkbox"
            checked={chosen.includes(each)}
            onChange={(event) =>
              change(
                path,
                event.currentTarget.checked
                  ? all.filter((one) => one === each || chosen.includes(one))
                  : chosen.filter((one) => one !== each),
              )
            }
          />
          {String(each)}
        </label>
      ))}
    </span>
  );
}

/** A list of texts, one a line. */
function Lines({ id, described, isWrong, value, path, change }: InputProps) {
  const [text, setText] = useState(Array.isArray(value) ? value.join("\n") : "");
  return (
    <textarea
      id={id}
      aria-describedby={described}
      aria-invalid={isWrong}
      rows={3}
      placeholder="One a line"
      value={text}
      onInput={(event) => {
        setText(event.currentTarget.value);
        change(
          path,
          event.currentTarget.value.split("\n").filter((line) => line.trim() !== ""),
        );
      }}
    />
  );
}

function JsonText({ id, described, isWrong, value, path, change }: InputProps) {
  const [text, setText] = useState(value === undefined ? "" : JSON.stringify(value, null, 2));
  const [isBroken, setBroken] = useState(false);
  const edit = (next: string) => {
    setText(next);
    const read = readOwn(next);
    setBroken(!read.ok);
    if (read.ok) change(path, read.value);
  };
  return (
    <>
      <textarea
        id={id}
        class="mono"
        aria-describedby={described}
        aria-invalid={isWrong || isBroken}
        data-broken={isBroken ? path.join(".") : undefined}
        rows={6}
        spellcheck={false}
        value={text}
        onInput={(event) => edit(event.currentTarget.value)}
      />
      {isBroken && (
        <span class="field-error" role="alert">
          This is no JSON yet.
        </span>
      )}
    </>
  );
}

/** What the operator typed; an empty text is no value. */
function readOwn(text: string): { readonly ok: true; readonly value: unknown } | { readonly ok: false } {
  if (text.trim() === "") return { ok: true, value: undefined };
  try {
    return { ok: true, value: JSON.parse(text) };
  } catch {
    return { ok: false };
  }
}
