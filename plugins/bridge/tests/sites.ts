/** Sites of a region in a test, whose radios hear what the test says. */
import { startTestGateway, type TestGateway, type TestOptions, type TestRegion } from "zephyrgate/testing";

const TEXT_MESSAGE = 1;
const EVERYBODY = 0xffffffff;
/** By their place among the nodes of {@link start}. */
export const [ALICE, BOB] = [2, 3];
export const LISTED = { sites: [{ channel: "Local" }] };
/** Under which number others hear a site's gateway. */
export const SITE_NODES = { north: 0x51, south: 0x52, west: 0x53 };
export const TWO_LINKS = {
  mesh: {
    interfaces: [
      { name: "base", type: "simulated", nodes: 2 },
      { name: "roof", type: "simulated", nodes: 2 },
    ],
  },
};

export interface Site extends AsyncDisposable {
  readonly gateway: TestGateway;
  /** What its meshes heard of it on channels: `1 text`, on a further link `mesh 1: 1 text`. */
  readonly air: readonly string[];
  onAir(listener: (text: string, mesh: number) => void): void;
  /** Its radio hears a packet on channel 1. */
  hears(from: number, packetId: number, text: string, mesh?: number): Promise<void>;
  packetId(): number;
}

let starts = 0;
let packets = 1_000_000;

/** Each with packet ids of its own. */
export async function start(region: TestRegion, site: string, more: Partial<TestOptions> = {}): Promise<Site> {
  const seed = ++starts;
  const gateway = await startTestGateway({
    plugin: `${import.meta.dir}/..`,
    region,
    site,
    config: LISTED,
    operators: ["Warden"],
    seed,
    ...more,
  });
  const air: string[] = [];
  const listeners: ((text: string, mesh: number) => void)[] = [];
  for (const [at, mesh] of gateway.meshes.entries()) {
    mesh.onHeard(({ text, channel, to }) => {
      if (to !== EVERYBODY) return;
      air.push(`${at === 0 ? "" : `mesh ${at}: `}${channel} ${text}`);
      for (const listener of listeners) listener(text, at);
    });
  }
  const hears = async (from: number, id: number, text: string, at = 0) => {
    const payload = new TextEncoder().encode(text);
    gateway.meshes[at]?.hear({ from, to: EVERYBODY, channel: 1, id }, { portnum: TEXT_MESSAGE, payload });
    await gateway.quiet();
  };
  return {
    ...{ gateway, air, hears },
    onAir: (listener) => void listeners.push(listener),
    packetId: () => ++packets,
    [Symbol.asyncDispose]: () => gateway[Symbol.asyncDispose](),
  };
}

/** The last links of two sites are in reach of each other. */
export function oneAir(...sites: readonly (readonly [site: Site, node: number])[]): void {
  for (const [site, node] of sites) {
    const last = site.gateway.meshes.length - 1;
    site.onAir((text, mesh) => {
      if (mesh !== last) return;
      for (const [other] of sites) if (other !== site) void other.hears(node, other.packetId(), text, last);
    });
  }
}

/** Longer than a text of another site waits, and than it takes to send it. */
export async function settle(region: TestRegion): Promise<void> {
  for (let at = 0; at < 15; at++) await region.advance({ seconds: 2 });
}

export const status = ({ gateway }: Site) => gateway.node("Warden").asks("bridge");
