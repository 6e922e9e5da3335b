import { Card, Facts } from "../../parts/card.tsx";
import { span } from "../../parts/format.tsx";
import { status } from "../../state/facts.ts";
import { may, me } from "../../state/me.ts";
import { setTheme, THEMES, theme } from "../../state/theme.ts";
import { Backups } from "./backups.tsx";
import { Configuration } from "./configuration.tsx";
import { Password } from "./password.tsx";
import { Tokens } from "./tokens.tsx";

export function SettingsView() {
  return (
    <div class="grid">
      <About />
      <Appearance />
      <Backups />
      {may("admin") && <Tokens />}
      {may("admin") && <Password />}
      {may("operate") && <Configuration />}
    </div>
  );
}

function About() {
  const known = status.value;
  return (
    <Card title="This gateway">
      <Facts
        of={[
          ["Version", known?.version ?? "-"],
          ["Up for", known === null ? "-" : span(known.uptime_s)],
          ["Signed in as", `${me.value?.name ?? "-"} (${me.value?.role ?? "-"})`],
        ]}
      />
    </Card>
  );
}

function Appearance() {
  return (
    <Card title="Appearance">
      <fieldset class="choice">
        <legend class="only-read">Colours</legend>
        {THEMES.map((name) => (
          <label key={name}>
            <input type="radio" name="theme" checked={theme.value === name} onChange={() => setTheme(name)} />
            {name === "system" ? "System" : name === "dark" ? "Dark" : "Light"}
          </label>
        ))}
      </fieldset>
    </Card>
  );
}
