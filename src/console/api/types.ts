/** The shapes of the API's answers, taken from the schemas that the gateway checks them with. */
import type { InferOutput } from "valibot";
import type { linkView, messageView, nodeView, receivedView, routeView } from "../../api/contract/mesh-views.ts";
import type { tokenView } from "../../api/contract/views.ts";
import type { logLine, statusView } from "../../api/routes/system.ts";

export type { BackupView } from "../../api/contract/control.ts";
export type { RegionNodeView, RegionView, RolloutView } from "../../api/contract/region-views.ts";
export type {
  AlertView,
  AuditEntryView,
  AuditVerdict,
  ConfigurationView,
  MapView,
  NodeSampleView,
  PluginConfig,
  PluginDetail,
  PluginSummary,
  RestoreReview,
  ScheduleTask,
  TrafficHour,
} from "../../api/contract/views.ts";
export type TokenView = InferOutput<typeof tokenView>;
export type LinkView = InferOutput<typeof linkView>;
export type NodeView = InferOutput<typeof nodeView>;
export type ReceivedView = InferOutput<typeof receivedView>;
export type MessageView = InferOutput<typeof messageView>;
export type RouteView = InferOutput<typeof routeView>;
export type StatusView = InferOutput<typeof statusView>;
export type LogLine = InferOutput<typeof logLine>;

/** A received text, as the event stream sends it. */
export interface ReceivedEvent extends Omit<ReceivedView, "seq"> {
  readonly kind: string;
}
