import { BrokerClient } from "../../broker/client.ts";
import type { LinkStatus } from "../../mesh/link-status.ts";
import { ClientProxy, type ProxiedRadio, type ProxyBrokerEvents, type ProxyOptions } from "../../mesh/proxy/client-proxy.ts";
import { parseRate, type Rate } from "../../rates.ts";
import type { GatewayContext } from "../context/context.ts";
import type { Interface } from "../context/interfaces.ts";

type Wanted = NonNullable<Extract<Interface, { mqtt_proxy?: unknown }>["mqtt_proxy"]>;

/** For each radio whose interface says so: its way to an MQTT broker. Nothing is connected before the radio is up and asks for it. */
export class MqttProxies {
  readonly #proxies = new Map<string, ClientProxy>();

  constructor(
    private readonly context: GatewayContext,
    radios: readonly ProxiedRadio[],
    private readonly isSilenced: () => boolean,
  ) {
    for (const entry of context.chosen.interfaces) {
      const wanted = entry.type === "mqtt" ? undefined : entry.mqtt_proxy;
      const radio = radios.find(({ name }) => name === entry.name);
      if (wanted !== undefined && radio !== undefined) this.#proxies.set(entry.name, this.#proxy(radio, wanted));
    }
  }

  /** To be called before the links start. */
  start(): void {
    for (const proxy of this.#proxies.values()) proxy.start();
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#proxies.values()].map((proxy) => proxy.stop()));
  }

  /** The link's status with that of its proxy, where it has one. */
  addTo(link: LinkStatus): LinkStatus {
    const proxy = this.#proxies.get(link.name);
    return proxy === undefined ? link : { ...link, mqttProxy: proxy.status() };
  }

  #proxy(radio: ProxiedRadio, wanted: Wanted): ClientProxy {
    const { clock, config, log } = this.context;
    return new ClientProxy(radio, optionsOf(wanted), {
      clock,
      log: log.logger.child("mqtt"),
      isSilenced: this.isSilenced,
      politeUtilization: () => config().mesh.airtime.channel_utilization_polite,
      broker: (filters, events) => this.#broker(wanted, filters, events),
    });
  }

  #broker(settings: Wanted, filters: readonly string[], events: ProxyBrokerEvents): BrokerClient {
    const { clock, random, log } = this.context;
    const client = {
      settings,
      filters,
      // What the broker has kept is not of now: nobody waits for it on the air.
      message: ({ topic, payload, retained }: { topic: string; payload: Uint8Array; retained: boolean }) => {
        if (!retained) events.message({ topic, payload });
      },
      connected: () => events.connected(),
    };
    return new BrokerClient(client, { clock, random, log: log.logger.child("mqtt") });
  }
}

function optionsOf(wanted: Wanted): ProxyOptions {
  return {
    broker: wanted.url,
    root: wanted.root ?? null,
    channels: wanted.channels ?? null,
    direct: wanted.direct_messages,
    map: wanted.map_reports,
    upRate: rateOf(wanted.uplink_rate),
    downRate: rateOf(wanted.downlink_rate),
  };
}

/** The configuration's schema has checked it. */
function rateOf(text: string): Rate {
  const rate = parseRate(text);
  return rate.ok ? rate.value : { count: 1, periodS: 60, text: "1/min" };
}
