import { useState } from "preact/hooks";
import { call } from "../../../api/call.ts";
import type { PluginConfig } from "../../../api/types.ts";
import { Card, Empty } from "../../../parts/card.tsx";
import { useLoaded } from "../../../parts/loaded.ts";
import { may } from "../../../state/me.ts";
import { report, tell } from "../../../state/notices.ts";
import { goneSince } from "../../../state/session.ts";
import { Field } from "./field.tsx";
import { isEqual, isSettings, ownAfter, type Schema, type Settings, withValue } from "./schema.ts";
import { Secrets } from "./secrets.tsx";

export function PluginSettings({ name }: { readonly name: string }) {
  const loaded = useLoaded<PluginConfig>(may("operate") ? `plugins/${encodeURIComponent(name)}/config` : null);
  if (!may("operate")) return <Empty>Your token may not read settings.</Empty>;
  if (loaded.value === null) return <Empty>Loading</Empty>;
  return (
    <div class="grid">
      <SettingsForm key={JSON.stringify(loaded.value)} name={name} loaded={loaded.value} saved={loaded.set} />
      {may("admin") && <Secrets name={name} />}
    </div>
  );
}

interface FormProps {
  readonly name: string;
  readonly loaded: PluginConfig;
  saved(now: PluginConfig): void;
}

/** Made from the plugin's JSON Schema. The gateway checks it as a whole; its errors stand at their fields. */
function SettingsForm({ name, loaded, saved }: FormProps) {
  const schema = schemaOf(loaded);
  const [draft, setDraft] = useState<Settings>(loaded.config);
  const [errors, setErrors] = useState<ReadonlyMap<string, string>>(new Map());
  const [busy, setBusy] = useState(false);
  const isChanged = !isEqual(draft, loaded.config);
  const save = async (own: Settings) => {
    setBusy(true);
    const answer = await call<PluginConfig & { changed: string[] }>("PUT", `plugins/${encodeURIComponent(name)}/config`, own);
    setBusy(false);
    if (answer.ok) {
      setErrors(new Map());
      tell("done", answer.value.changed.length === 0 ? "Nothing changed." : `Saved: ${answer.value.changed.join(", ")}.`);
      // At once, and no edit fits in between: the form begins anew with what is saved.
      saved({ ...loaded, config: answer.value.config, own });
      return;
    }
    setErrors(new Map(answer.problem.errors.map(({ path, message }) => [path, message])));
    if (answer.problem.errors.length === 0) report(answer.problem, "Not saved");
  };
  const known = Object.keys(schema.properties ?? {});
  const general = [...errors].filter(([path]) => !known.includes(path.split(".")[0] ?? ""));
  return (
    <Card title="Settings" wide>
      {known.length === 0 && <p class="hint">The plugin gives no schema for its settings.</p>}
      <form
        class="form settings"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          void save(ownAfter(loaded.own ?? {}, loaded.config, draft)).catch(console.error);
        }}
      >
        <fieldset class="bare" disabled={busy}>
          {Object.entries(schema.properties ?? {}).map(([key, each]) => (
            <Field
              key={key}
              name={key}
              path={[key]}
              schema={each}
              value={draft[key]}
              isRequired={schema.required?.includes(key) === true}
              errors={errors}
              change={(path, value) => setDraft((old) => withValue(old, path, value))}
            />
          ))}
        </fieldset>
        {general.map(([path, message]) => (
          <p key={path} class="problem" role="alert">
            {path === "" ? message : `${path}: ${message}`}
          </p>
        ))}
        {known.length > 0 && (
          <div class="actions end">
            {Object.keys(loaded.own ?? {}).length > 0 && (
              <button type="button" disabled={busy} onClick={() => void save({}).catch(console.error)}>
                Back to defaults
              </button>
            )}
            <button type="submit" class="primary" disabled={busy || !isChanged || goneSince.value !== null || !may("admin")}>
              Save
            </button>
          </div>
        )}
      </form>
    </Card>
  );
}

function schemaOf({ schema }: PluginConfig): Schema {
  return isSettings(schema) ? (schema as Schema) : {};
}
