/**
 * What a plugin's tests import: `import { startTestGateway } from "zephyrgate/testing"`. It runs the gateway itself, with
 * a virtual mesh, a virtual clock and the test's own internet around it.
 */
import "./matchers.ts";

export { type Failure, type LogEntry, type Span, startTestGateway, TestGateway } from "./gateway.ts";
export type { Answerer, HttpAnswer, HttpRequest, TestHttp } from "./http.ts";
export type { Where } from "./matchers.ts";
export type { NodeOptions, SayOptions, TestNode } from "./nodes.ts";
export type { TestPlugin } from "./plugin.ts";
export type { Denial, SentMessage } from "./sent.ts";
export type { TestOptions } from "./setup.ts";
