/** What the simulated nodes put into packets of their own: announcements, and answers to requests. */
import { create, toBinary } from "@bufbuild/protobuf";
import { Mesh, Portnums, Telemetry } from "@meshtastic/protobufs";
import { tryDecode } from "../codec/protobuf.ts";
import type { NodeNumber } from "../ids.ts";
import type { DataInit } from "./air.ts";
import { environmentOf, metricsOf, positionOf, powerOf, type SimulatedNode, userOf } from "./nodes.ts";

const { PortNum } = Portnums;
/** SNR is carried in quarters of a dB. */
const SNR_STEPS = 4;

export const ANNOUNCEMENTS = ["node_info", "position", "telemetry", "environment", "power", "waypoint", "neighbours"] as const;
/** What a simulated node may broadcast. */
export type Announcement = (typeof ANNOUNCEMENTS)[number];

export interface AnswerFacts {
  /** s since 1970; 0 while the clock is unset. */
  readonly timeS: number;
  readonly uptimeS: number;
  /** The nodes that relay for a node several hops away, from the gateway outwards. */
  path(node: SimulatedNode): readonly NodeNumber[];
}

export function announcement(node: SimulatedNode, what: Announcement, facts: AnswerFacts): DataInit {
  switch (what) {
    case "node_info":
      return { portnum: PortNum.NODEINFO_APP, payload: toBinary(Mesh.UserSchema, userOf(node)) };
    case "position":
      return { portnum: PortNum.POSITION_APP, payload: toBinary(Mesh.PositionSchema, positionOf(node, facts.timeS)) };
    case "telemetry":
      return telemetry(facts, { case: "deviceMetrics", value: metricsOf(node, facts.uptimeS) });
    case "environment":
      return telemetry(facts, { case: "environmentMetrics", value: environmentOf(node) });
    case "power":
      return telemetry(facts, { case: "powerMetrics", value: powerOf(node) });
    case "waypoint":
      return { portnum: PortNum.WAYPOINT_APP, payload: toBinary(Mesh.WaypointSchema, waypointOf(node, facts.timeS)) };
    case "neighbours":
      return { portnum: PortNum.NEIGHBORINFO_APP, payload: toBinary(Mesh.NeighborInfoSchema, neighboursOf(node)) };
  }
}

/** What the node answers to a request; null when it does not know that kind of request. */
export function answerOf(node: SimulatedNode, request: Mesh.Data, facts: AnswerFacts): DataInit | null {
  switch (request.portnum) {
    case PortNum.POSITION_APP:
      return announcement(node, "position", facts);
    case PortNum.NODEINFO_APP:
      return announcement(node, "node_info", facts);
    case PortNum.TELEMETRY_APP: {
      const kind = tryDecode(Telemetry.TelemetrySchema, request.payload)?.variant.case;
      if (kind === "environmentMetrics") return announcement(node, "environment", facts);
      return announcement(node, kind === "powerMetrics" ? "power" : "telemetry", facts);
    }
    case PortNum.TRACEROUTE_APP: {
      const route = facts.path(node);
      const snr = [...route.map(() => 5 * SNR_STEPS), Math.round(node.snr * SNR_STEPS)];
      const value = { route: [...route], snrTowards: snr, routeBack: [...route].reverse(), snrBack: [...snr].reverse() };
      return { portnum: PortNum.TRACEROUTE_APP, payload: toBinary(Mesh.RouteDiscoverySchema, create(Mesh.RouteDiscoverySchema, value)) };
    }
    default:
      return null;
  }
}

function telemetry({ timeS }: AnswerFacts, variant: Telemetry.Telemetry["variant"]): DataInit {
  const payload = toBinary(Telemetry.TelemetrySchema, create(Telemetry.TelemetrySchema, { time: timeS, variant }));
  return { portnum: PortNum.TELEMETRY_APP, payload };
}

function waypointOf(node: SimulatedNode, timeS: number): Mesh.Waypoint {
  return create(Mesh.WaypointSchema, {
    id: node.number,
    latitudeI: Math.round(node.latitude * 1e7),
    longitudeI: Math.round(node.longitude * 1e7),
    expire: timeS + 86_400,
    name: `At ${node.longName}`.slice(0, 30),
    description: "A simulated waypoint",
    icon: 0x1f4cd,
  });
}

function neighboursOf(node: SimulatedNode): Mesh.NeighborInfo {
  const neighbors = [1, 2].map((step) => ({ nodeId: node.number + step, snr: node.snr - step }));
  return create(Mesh.NeighborInfoSchema, {
    nodeId: node.number,
    lastSentById: node.number,
    nodeBroadcastIntervalSecs: 14_400,
    neighbors,
  });
}
