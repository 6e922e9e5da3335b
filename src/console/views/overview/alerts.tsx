import { Card } from "../../parts/card.tsx";
import { Age, Stranger, words } from "../../parts/format.tsx";
import { Icon } from "../../parts/icon.tsx";
import { acknowledge, alerts, openAlerts } from "../../state/facts.ts";
import { may } from "../../state/me.ts";

/** First of all: what needs the operator. Each stays until it is acknowledged or its cause is over. */
export function Alerts() {
  const open = openAlerts.value;
  const known = alerts.value.filter((alert) => alert.acknowledged_at !== null);
  if (open.length === 0 && known.length === 0) {
    return (
      <p class="banner good wide">
        <Icon name="check" /> Nothing needs you.
      </p>
    );
  }
  return (
    <Card title={open.length === 0 ? "Alerts: all acknowledged" : `Alerts: ${open.length} open`} wide>
      <ul class="alerts" aria-live="polite">
        {[...open, ...known].map((alert) => (
          <li
            key={alert.id}
            class={alert.acknowledged_at !== null ? "known" : alert.code === "emergency" ? "sos" : ""}
            data-code={alert.code}
          >
            <Icon name="alert" />
            <div class="grow">
              <strong>{alert.code === "emergency" ? "SOS" : words(alert.code)}</strong> <Stranger text={alert.message} />
              <div class="hint">
                {alert.site !== undefined && `at site ${alert.site}, `}
                <Age at={alert.time} />
                {alert.times > 1 && `, raised ${alert.times} times`}
                {alert.acknowledged_at !== null && (
                  <>
                    , acknowledged <Age at={alert.acknowledged_at} />
                    {alert.acknowledged_by !== undefined && (
                      <>
                        {" by "}
                        <Stranger text={alert.acknowledged_by} />
                      </>
                    )}
                  </>
                )}
              </div>
            </div>
            {alert.acknowledged_at === null && may("operate") && (
              <button type="button" onClick={() => void acknowledge(alert).catch(console.error)}>
                Acknowledge<span class="only-read">: {words(alert.code)}</span>
              </button>
            )}
          </li>
        ))}
      </ul>
    </Card>
  );
}
