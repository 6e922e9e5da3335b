import { createLink } from "../../mesh/link/create-link.ts";
import { type LinkDeps, MeshLink } from "../../mesh/link/link.ts";
import { SimulatedMesh } from "../../mesh/simulator/mesh.ts";
import type { SimulatedMeshOptions } from "../../mesh/simulator/options.ts";
import { SimulatedTransport } from "../../mesh/transport/simulated.ts";
import type { Interface } from "../context/interfaces.ts";

type ChangeMesh = (options: SimulatedMeshOptions) => SimulatedMeshOptions;

export interface Links {
  readonly links: readonly MeshLink[];
  /** The meshes behind the simulated interfaces; `simulate say` uses the first. */
  readonly simulated: readonly { readonly name: string; readonly mesh: SimulatedMesh }[];
}

/** Makes a link for each configured interface. `change` may change the options of a simulated mesh. */
export function makeLinks(interfaces: readonly Interface[], deps: LinkDeps, change: ChangeMesh = (options) => options): Links {
  const simulated: { name: string; mesh: SimulatedMesh }[] = [];
  const links = interfaces.map((entry) => {
    if (entry.type !== "simulated") return createLink(entry, deps);
    const mesh = new SimulatedMesh(change({ nodes: entry.nodes, clock: deps.clock, random: deps.random, ...mqttOf(entry) }));
    simulated.push({ name: entry.name, mesh });
    return new MeshLink(entry.name, new SimulatedTransport(mesh, deps), deps);
  });
  return { links, simulated };
}

/** A simulated radio with a way to a broker asks for it, as a real one does with the settings for it. */
function mqttOf({ mqtt_proxy: proxy }: Extract<Interface, { type: "simulated" }>): Pick<SimulatedMeshOptions, "mqtt"> {
  return proxy === undefined ? {} : { mqtt: { root: proxy.root ?? "msh" } };
}
