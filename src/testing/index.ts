/**
 * What a plugin's tests import: `import { startTestGateway } from "zephyrgate/testing"`. It runs the gateway itself, with
 * a virtual mesh, a virtual clock and the test's own internet around it.
 */
import "./matchers.ts";

export type { Where } from "./matchers.ts";
export type { TestPlugin } from "./plugin.ts";
export { type ReplayedOutcome, type ReplayResult, replayRecording } from "./replay.ts";
export type { TestOptions } from "./setup.ts";
export { type LogEntry, startTestGateway, TestGateway } from "./test-gateway.ts";
export { textProblems } from "./texts.ts";
export type { Span } from "./world/clock.ts";
export type { Failure } from "./world/failure.ts";
export type { Answerer, HttpAnswer, HttpRequest, TestHttp } from "./world/http.ts";
export type { NodeOptions, SayOptions, TestNode } from "./world/nodes.ts";
export { TestRegion } from "./world/region.ts";
export type { Denial, SentMessage } from "./world/sent.ts";
