import { useState } from "preact/hooks";
import { call } from "../../api/call.ts";
import type { ScheduleTask } from "../../api/types.ts";
import { Badge, Card, Empty, Facts } from "../../parts/card.tsx";
import { Age, Stranger, span } from "../../parts/format.tsx";
import { useList } from "../../parts/loaded.ts";
import { may } from "../../state/me.ts";
import { tell, valueOrTell } from "../../state/notices.ts";
import { goneSince } from "../../state/session.ts";
import { now } from "../../state/time.ts";

const REFRESH_MS = 5_000;

export function PluginSchedule({ name }: { readonly name: string }) {
  const tasks = useList<ScheduleTask>("schedule", Math.floor(now.value / REFRESH_MS));
  if (tasks.value === null) return <Empty>Loading</Empty>;
  const own = tasks.value.filter((task) => task.plugin === name);
  if (own.length === 0) return <Empty>It has no scheduled tasks.</Empty>;
  return (
    <div class="grid">
      {own.map((task) => (
        <Task key={task.name} task={task} again={tasks.again} />
      ))}
    </div>
  );
}

function Task({ task, again }: { readonly task: ScheduleTask; again(): void }) {
  const [busy, setBusy] = useState(false);
  const run = () => {
    setBusy(true);
    call<object>("POST", "schedule/run", { plugin: task.plugin, task: task.name })
      .then((answer) => {
        if (valueOrTell(answer, task.name) !== null) tell("done", `${task.name} runs.`);
        again();
      })
      .finally(() => setBusy(false))
      .catch(console.error);
  };
  const state = task.running ? "running" : task.paused ? "paused" : "waiting";
  return (
    <Card title={task.name} aside={<Badge tone={task.running ? "info" : task.paused ? "warn" : "plain"}>{state}</Badge>}>
      {task.last_error !== null && (
        <p class="problem">
          <Stranger text={task.last_error} />
        </p>
      )}
      <Facts
        of={[
          ["When", task.cron ? `${task.cron}${task.timezone ? ` (${task.timezone})` : ""}` : `every ${span(task.interval_s ?? 0)}`],
          ["Last run", <Age key="last" at={task.last_run} />],
          ["Next run", <Age key="next" at={task.next_run} never="none" />],
          ["Runs", `${task.runs}, ${task.failures} failed`],
          ["Missed", task.missed],
          ["Skipped", task.skipped],
        ]}
      />
      <div class="actions end">
        <button type="button" disabled={busy || task.running || task.paused || goneSince.value !== null || !may("operate")} onClick={run}>
          Run now<span class="only-read">: {task.name}</span>
        </button>
      </div>
    </Card>
  );
}
