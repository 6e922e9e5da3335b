import * as v from "valibot";
import { responseMax } from "../../../http/exchange.ts";
import { flag, timeout, word } from "../call/arguments.ts";
import { done } from "../call/call.ts";
import type { Capability } from "../call/capability.ts";

/** What a handler keeps of its own time to answer after a request that came to nothing, ms. */
const RESERVE_MS = 500;

export const httpRequest: Capability<"http_request"> = {
  args: v.strictObject({
    method: word(20),
    url: word(8192),
    headers: v.exactOptional(v.record(v.string(), v.string())),
    body: v.exactOptional(v.string()),
    timeout,
    anyStatus: flag,
    bytes: v.exactOptional(v.picklist(["always", "other"])),
  }),
  asks: ["http_requests"],
  words: "talks to hosts on the internet",
  methods: ["httpGet", "httpPost", "fetch"],
  /** The egress client asks for a decision at every hop of a redirect; a revocation ends the request. */
  run: async (call) => {
    const { capabilitySet, metrics, plugin } = call.instance;
    metrics.httpRequests += 1;
    const signal = AbortSignal.any([call.signal, capabilitySet.signal("http_requests")]);
    const { deadline } = call.origin;
    const within = deadline === undefined ? {} : { deadline: deadline - RESERVE_MS };
    const maxBytes = responseMax(call.instance.memoryMb);
    return done(await call.services.egress.request(call.args, { plugin, allow: call.decide, signal, maxBytes, ...within }));
  },
};
