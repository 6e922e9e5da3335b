/** Reads what a packet of a rarer kind carries: waypoints, traceroutes, neighbours. */
import { Mesh, Portnums } from "@meshtastic/protobufs";
import { formatNodeId } from "../ids.ts";
import type { NeighborInfoMessage, RouteHop, TracerouteMessage, Waypoint, WaypointMessage } from "../message.ts";
import { tryDecode } from "./protobuf.ts";

type Content =
  | Pick<WaypointMessage, "kind" | "waypoint">
  | Pick<TracerouteMessage, "kind" | "route">
  | Pick<NeighborInfoMessage, "kind" | "neighbors">;

/** A traceroute carries SNR in quarters of a dB, and this where it is unknown. */
const SNR_STEPS = 4;
const UNKNOWN_SNR = -128;

/** Null when the payload does not decode. */
export function readOther(data: Pick<Mesh.Data, "portnum" | "payload">): Content | null {
  switch (data.portnum) {
    case Portnums.PortNum.WAYPOINT_APP: {
      const waypoint = tryDecode(Mesh.WaypointSchema, data.payload);
      return waypoint === null ? null : { kind: "waypoint", waypoint: readWaypoint(waypoint) };
    }
    case Portnums.PortNum.TRACEROUTE_APP: {
      const found = tryDecode(Mesh.RouteDiscoverySchema, data.payload);
      if (found === null) return null;
      const { route, snrTowards, routeBack, snrBack } = found;
      return { kind: "traceroute", route: { towards: hops(route, snrTowards), back: hops(routeBack, snrBack) } };
    }
    default: {
      const found = tryDecode(Mesh.NeighborInfoSchema, data.payload);
      if (found === null) return null;
      const neighbors = found.neighbors.map(({ nodeId, snr }: { nodeId: number; snr: number }) => ({
        node: formatNodeId(nodeId),
        ...(Number.isFinite(snr) ? { snr } : {}),
      }));
      return { kind: "neighbor_info", neighbors };
    }
  }
}

function readWaypoint(point: Mesh.Waypoint): Waypoint {
  const { id, name, description, latitudeI, longitudeI, expire, icon, lockedTo } = point;
  const isPlace = latitudeI !== undefined && longitudeI !== undefined;
  const emoji = icon > 0 && icon <= 0x10ffff ? String.fromCodePoint(icon) : undefined;
  return {
    id,
    name,
    description,
    ...(isPlace ? { latitude: latitudeI / 1e7, longitude: longitudeI / 1e7 } : {}),
    ...(expire === 0 ? {} : { expires: expire }),
    ...(emoji === undefined ? {} : { icon: emoji }),
    ...(lockedTo === 0 ? {} : { lockedTo: formatNodeId(lockedTo) }),
  };
}

/** `snr` has one value more than `nodes` when the last hop's is known too; that one belongs to the node at the end of the route. */
function hops(nodes: readonly number[], snr: readonly number[]): RouteHop[] {
  return nodes.map((node, at) => {
    const value = snr[at];
    const isKnown = value !== undefined && value !== UNKNOWN_SNR;
    return { node: formatNodeId(node), ...(isKnown ? { snr: value / SNR_STEPS } : {}) };
  });
}
