import { useState } from "preact/hooks";
import { call } from "../../../api/call.ts";
import type { PluginConfig } from "../../../api/types.ts";
import { Card, Empty } from "../../../parts/card.tsx";
import { useLoaded } from "../../../parts/loaded.ts";
import { may } from "../../../state/me.ts";
import { report, tell } from "../../../state/notices.ts";
import { goneSince } from "../../../state/session.ts";
import { Field } from "./field.tsx";
import { isEqual, ownAfter, readSchema, type Schema, type Settings, withValue } from "./schema.ts";
import { Secrets } from "./secrets.tsx";

export function PluginSettings({ name }: { readonly name: string }) {
  const [turn, setTurn] = useState(0);
  const loaded = useLoaded<PluginConfig>(may("operate") ? `plugins/${encodeURIComponent(name)}/config` : null);
  if (!may("operate")) return <Empty>Your token may not read settings.</Empty>;
  if (loaded.value === null) return <Empty>Loading</Empty>;
  return (
    <div class="grid">
      <SettingsForm
        key={`${turn} ${JSON.stringify(loaded.value)}`}
        name={name}
        loaded={loaded.value}
        saved={loaded.set}
        restart={() => setTurn((old) => old + 1)}
      />
      {may("admin") && <Secrets name={name} />}
    </div>
  );
}

interface FormProps {
  readonly name: string;
  readonly loaded: PluginConfig;
  saved(now: PluginConfig): void;
  /** Draws the form anew. */
  restart(): void;
}

interface Draft {
  /** What was shown when the edit began. */
  readonly before: Settings;
  readonly after: Settings;
}
/** Edits that were not saved outlive a look at another view. */
const drafts = new Map<string, Draft>();

/** The draft on what is shown now, which may have changed since. */
function draftOn(name: string, shown: Settings): Settings {
  const kept = drafts.get(name);
  return kept === undefined ? shown : ownAfter(shown, kept.before, kept.after);
}

/** Made from the plugin's JSON Schema. The gateway checks it as a whole; its errors stand at their fields. */
function SettingsForm({ name, loaded, saved, restart }: FormProps) {
  const schema = schemaOf(loaded);
  const [draft, setDraft] = useState<Settings>(() => draftOn(name, loaded.config));
  const [errors, setErrors] = useState<ReadonlyMap<string, string>>(new Map());
  const [busy, setBusy] = useState(false);
  const isChanged = !isEqual(draft, loaded.config);
  const edit = (path: readonly string[], value: unknown) =>
    setDraft((old) => {
      const after = withValue(old, path, value);
      drafts.set(name, { before: loaded.config, after });
      return after;
    });
  const discard = () => {
    drafts.delete(name);
    restart();
  };
  const save = async (change: (own: Settings) => Settings) => {
    setBusy(true);
    // Somebody else may have saved since this was loaded: his edits stay, too.
    const present = await call<PluginConfig>("GET", `plugins/${encodeURIComponent(name)}/config`);
    const own = change((present.ok ? present.value.own : loaded.own) ?? {});
    const answer = await call<PluginConfig & { changed: string[] }>("PUT", `plugins/${encodeURIComponent(name)}/config`, own);
    setBusy(false);
    if (answer.ok) {
      setErrors(new Map());
      drafts.delete(name);
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
          const broken = event.currentTarget.querySelector<HTMLElement>("[data-broken]");
          if (broken !== null) {
            tell("error", `Not saved: ${broken.dataset.broken} is no JSON yet.`);
            broken.focus();
          } else void save((own) => ownAfter(own, loaded.config, draft)).catch(console.error);
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
              change={edit}
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
              <button type="button" disabled={busy} onClick={() => void save(() => ({})).catch(console.error)}>
                Back to defaults
              </button>
            )}
            {isChanged && (
              <button type="button" disabled={busy} onClick={discard}>
                Discard changes
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
  return readSchema(schema);
}
