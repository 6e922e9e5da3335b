import { BrokerConnection } from "../../broker/connection.ts";
import type { BrokerSettings } from "../../broker/login.ts";
import { systemClock } from "../../clock.ts";
import type { LoadedConfig } from "../../config/load.ts";
import type { Finding, GatewayAnswer } from "./doctor.ts";

type Config = LoadedConfig["config"];

/** Connects once to each MQTT broker of the configuration. A running gateway says itself how its brokers are. */
export async function checkBrokers(config: Pick<Config, "mesh" | "publish" | "region">, answer: GatewayAnswer): Promise<Finding[]> {
  if (answer.state !== "absent") return [];
  return Promise.all(brokersOf(config).map(checkBroker));
}

interface Used {
  readonly what: string;
  readonly settings: BrokerSettings;
}

function brokersOf({ mesh, publish, region }: Pick<Config, "mesh" | "publish" | "region">): Used[] {
  const links = (mesh.interfaces ?? []).flatMap((link): Used[] => {
    if (link.type === "mqtt") return [{ what: `broker of ${link.name}`, settings: link }];
    return link.mqtt_proxy === undefined ? [] : [{ what: `broker of radio ${link.name}`, settings: link.mqtt_proxy }];
  });
  return [
    ...links,
    ...(publish === undefined ? [] : [{ what: "broker of publish", settings: publish }]),
    ...(region === undefined ? [] : [{ what: "broker of the region", settings: region }]),
  ];
}

async function checkBroker({ what, settings }: Used): Promise<Finding> {
  const opened = await BrokerConnection.open(settings, { clock: systemClock });
  if (opened.ok) {
    await opened.value.close();
    return { grade: "ok", what, found: `${settings.url} takes this user` };
  }
  const { message, hint } = opened.error;
  return { grade: "warn", what, found: `${settings.url}: ${message}`, ...(hint === undefined ? {} : { fix: hint }) };
}
