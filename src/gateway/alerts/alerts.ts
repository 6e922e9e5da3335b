import { Webhook } from "../../http/webhook.ts";
import { formatNodeId } from "../../mesh/ids.ts";
import { VERSION } from "../../version.ts";
import type { GatewayContext } from "../context/context.ts";
import type { Mesh } from "../mesh/mesh.ts";
import type { GatewayPlugins } from "../plugins/plugins.ts";
import { LinkWatch } from "./link-watch.ts";
import { OperatorTexts } from "./operator-texts.ts";
import { PluginWatch } from "./plugin-watch.ts";

/** Passes alerts on: by text to the operators, to the webhook, and their end to the log. From before the plugins start, to miss none. */
export function passAlertsOn(context: GatewayContext, mesh: Mesh): Webhook {
  const { bus, clock, log, life, config } = context;
  const texts = new OperatorTexts(context, mesh);
  const logger = log.logger.child("alerts");
  const webhook = new Webhook({
    clock,
    log: logger,
    url: () => config().alerts.webhook,
    onTrouble: (failing) => {
      if (failing) bus.emit("alert", { code: "webhook_failed", message: "alerts.webhook takes no alerts; the log has the reason" });
      else bus.emit("alert_cleared", { code: "webhook_failed" });
    },
  });
  const subscriptions = [
    bus.on("message_status", (status) => texts.report(status)),
    bus.on("alert_changed", (change) => {
      texts.changed(change);
      const { quiet: _, change: event, ...alert } = change;
      // To tell the webhook that it does not work would only lengthen its queue.
      // The webhook of another site takes its alerts; calls for help go to everybody.
      const isElsewhere = change.site !== undefined && change.code !== "emergency";
      if (change.code !== "webhook_failed" && !isElsewhere)
        webhook.send({ event, ...alert, gateway: { version: VERSION, nodes: mesh.names.ownNodes().map(formatNodeId) } });
      if (change.change === "cleared") logger.info(`over: ${change.message}`, { code: change.code });
    }),
  ];
  life.add("alerts", async () => {
    for (const subscription of subscriptions) subscription.dispose();
    await webhook.stop();
  });
  return webhook;
}

/** Watches links and plugins, once both have started: what is still starting is no alert. */
export function watchForAlerts(context: GatewayContext, mesh: Mesh, { supervisor }: GatewayPlugins): void {
  const { bus, clock, log, life, config } = context;
  const links = new LinkWatch({
    clock,
    bus,
    log: log.logger.child("alerts"),
    links: mesh.links,
    downAfterS: () => config().alerts.link_down_s,
  });
  const plugins = new PluginWatch({ clock, bus, plugins: () => supervisor.list() });
  links.start();
  life.add("watch over links", () => links.stop());
  plugins.start();
  life.add("watch over plugins", () => plugins.stop());
}
