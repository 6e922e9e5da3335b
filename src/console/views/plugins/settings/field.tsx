import { useId, useRef } from "preact/hooks";
import { words } from "../../../parts/format.tsx";
import { type FieldProps, Input } from "./inputs.tsx";
import { isSettings, kindOf, newRow, type Schema, withValue } from "./schema.ts";

/** One setting, by the kind of its schema, with its error below it. */
export function Field(props: FieldProps) {
  const { name, path, schema, errors } = props;
  const id = useId();
  if (kindOf(schema) === "group") return <Group {...props} />;
  if (kindOf(schema) === "rows") return <Rows {...props} />;
  const dotted = path.join(".");
  const error = errors.get(dotted) ?? [...errors].find(([key]) => key.startsWith(`${dotted}.`))?.[1];
  const kind = kindOf(schema);
  const title = schema.title ?? words(name);
  const described = `${id}-about${error === undefined ? "" : ` ${id}-error`}`;
  const isSet = kind === "choices";
  return (
    <div
      class={error === undefined ? "field" : "field wrong"}
      data-field={dotted}
      {...(isSet ? { role: "group", "aria-labelledby": `${id}-title` } : {})}
    >
      {isSet ? (
        <span id={`${id}-title`} class="field-title">
          {title}
        </span>
      ) : (
        <label for={id} class="field-title">
          {title}
          {props.isRequired && <span class="hint"> (required)</span>}
        </label>
      )}
      <Input {...props} id={id} described={described} isWrong={error !== undefined} />
      <span id={`${id}-about`} class="hint">
        {[schema.description, limitsOf(schema)].filter(Boolean).join(" ")}
      </span>
      {error !== undefined && (
        <span id={`${id}-error`} class="field-error" role="alert">
          {error}
        </span>
      )}
    </div>
  );
}

function limitsOf({ minimum, maximum, maxLength }: Schema): string {
  if (minimum !== undefined && maximum !== undefined) return `${minimum} to ${maximum}.`;
  if (minimum !== undefined) return `At least ${minimum}.`;
  if (maximum !== undefined) return `At most ${maximum}.`;
  return maxLength === undefined ? "" : `At most ${maxLength} characters.`;
}

function Group({ name, path, schema, value, errors, change }: FieldProps) {
  const inner = isSettings(value) ? value : {};
  return (
    <fieldset class="field-group">
      <legend>{schema.title ?? words(name)}</legend>
      {schema.description && <p class="hint">{schema.description}</p>}
      {Object.entries(schema.properties ?? {}).map(([key, each]) => (
        <Field
          key={key}
          name={key}
          path={[...path, key]}
          schema={each}
          value={inner[key]}
          isRequired={schema.required?.includes(key) === true}
          errors={errors}
          change={change}
        />
      ))}
    </fieldset>
  );
}

/** A list of objects: a group of fields for each, in their order. */
function Rows({ name, path, schema, value, errors, change }: FieldProps) {
  const rows = Array.isArray(value) ? value : [];
  const ids = useRowIds(rows.length);
  const title = schema.title ?? words(name);
  const error = errors.get(path.join("."));
  const item = schema.items ?? {};
  const replace = (next: readonly unknown[]) => change(path, next);
  const swap = (at: number) => {
    ids.swap(at);
    replace(rows.map((row, index) => (index === at ? rows[at + 1] : index === at + 1 ? rows[at] : row)));
  };
  return (
    <fieldset class={error === undefined ? "field-group" : "field-group wrong"} data-field={path.join(".")}>
      <legend>{title}</legend>
      {schema.description && <p class="hint">{schema.description}</p>}
      {error !== undefined && (
        <p class="field-error" role="alert">
          {error}
        </p>
      )}
      {rows.map((row, at) => (
        <div key={ids.all[at]} class="field-row">
          <Group
            name={`${title} ${at + 1}`}
            path={[...path, String(at)]}
            schema={item.title === undefined ? { ...item, title: `${title} ${at + 1}` } : { ...item, title: `${item.title} ${at + 1}` }}
            value={row}
            isRequired={false}
            errors={errors}
            change={(inner, next) => replace(rows.with(at, withValue(isSettings(row) ? row : {}, inner.slice(path.length + 1), next)))}
          />
          <div class="actions end">
            <button type="button" disabled={at === 0} onClick={() => swap(at - 1)}>
              Up<span class="only-read">: {`${title} ${at + 1}`}</span>
            </button>
            <button type="button" disabled={at === rows.length - 1} onClick={() => swap(at)}>
              Down<span class="only-read">: {`${title} ${at + 1}`}</span>
            </button>
            <button
              type="button"
              class="danger"
              onClick={() => {
                ids.remove(at);
                replace(rows.toSpliced(at, 1));
              }}
            >
              Remove<span class="only-read">: {`${title} ${at + 1}`}</span>
            </button>
          </div>
        </div>
      ))}
      <button type="button" class="add-row" onClick={() => replace([...rows, newRow(item)])}>
        Add<span class="only-read"> to {title}</span>
      </button>
    </fieldset>
  );
}

/** What each row is, whatever its place: a field that is being edited stays with its row. */
function useRowIds(count: number) {
  const state = useRef<{ all: number[]; last: number }>({ all: [], last: 0 });
  const kept = state.current;
  while (kept.all.length < count) kept.all.push(++kept.last);
  kept.all.length = count;
  return {
    all: kept.all,
    swap: (at: number) => {
      const [first = 0, second = 0] = kept.all.slice(at, at + 2);
      kept.all.splice(at, 2, second, first);
    },
    remove: (at: number) => void kept.all.splice(at, 1),
  };
}
