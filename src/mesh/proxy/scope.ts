import type { LinkStatus } from "../link-status.ts";
import type { RadioSettings } from "./radio-settings.ts";
import type { ProxyScope } from "./rules.ts";

export type Planned = { readonly kind: "on"; readonly scope: ProxyScope } | { readonly kind: "off"; readonly reason: string };

/** What the operator allows. */
interface Wanted {
  readonly root: string | null;
  readonly channels: readonly string[] | null;
  readonly direct: boolean;
  readonly map: boolean;
}

/** Where a radio may write without the operator naming it. */
const USUAL_ROOT = /^msh(?:\/[^#+/\s$]+)*$/;

/** What is served: as much as both the radio's settings and the operator's allow. */
export function planOf(settings: RadioSettings, status: LinkStatus, wanted: Wanted): Planned {
  const { mqtt } = settings;
  const { ownNode, channels } = status;
  if (mqtt === null || ownNode === undefined) return off("the radio did not tell its MQTT settings");
  if (!mqtt.enabled)
    return off("MQTT is off in the radio: switch it on in the app (Module configuration, MQTT), and `Proxy to client` with it");
  if (!mqtt.proxyToClient) return off("the radio connects by itself: switch on `Proxy to client` in its MQTT settings");
  const root = rootOf(mqtt.root, wanted.root);
  if (!root.ok) return off(root.reason);
  const passes = channels.filter(({ role, name }) => role !== "disabled" && name !== "" && (wanted.channels?.includes(name) ?? true));
  const names = (which: (index: number) => boolean) => new Set(passes.filter(({ index }) => which(index)).map(({ name }) => name));
  const up = names((index) => settings.passesUp(index));
  const down = names((index) => settings.takesFrom(index));
  if (up.size + down.size === 0) return off(nothingPasses(passes.length, wanted.channels));
  const { direct, map } = wanted;
  return { kind: "on", scope: { root: root.root, own: ownNode, up, down, direct, map: map && mqtt.reportsMap, encrypts: mqtt.encrypts } };
}

function off(reason: string): Planned {
  return { kind: "off", reason };
}

function nothingPasses(served: number, channels: readonly string[] | null): string {
  return served === 0 && channels !== null
    ? `the radio has no channel named ${channels.join(", ")}: correct mqtt_proxy.channels`
    : "no channel of the radio has uplink or downlink on: switch them on in the app, at the channel";
}

type Root = { readonly ok: true; readonly root: string } | { readonly ok: false; readonly reason: string };

function rootOf(radio: string, configured: string | null): Root {
  if (configured === radio) return { ok: true, root: radio };
  const shown = JSON.stringify(radio.slice(0, 60));
  if (configured !== null)
    return { ok: false, reason: `the radio's root topic is ${shown}, and mqtt_proxy.root is ${configured}: make them the same` };
  if (USUAL_ROOT.test(radio)) return { ok: true, root: radio };
  return { ok: false, reason: `the radio's root topic is ${shown}: if that is meant, write mqtt_proxy.root` };
}
