import type { RequestOutcome } from "../../bridge/realm-spec.ts";
import type { Json } from "../../json.ts";
import type { HttpArgs } from "../../sdk/boundary/wire.ts";
import { type Call, denied, done, failed } from "./call.ts";

/** httpGet, httpPost and fetch: the egress client asks for a decision at every hop of a redirect. */
export async function httpRequest(call: Call<HttpArgs>): Promise<RequestOutcome> {
  call.instance.metrics.httpRequests += 1;
  const revoked = call.instance.capabilitySet.signal("http_requests");
  const signal = AbortSignal.any([call.signal, revoked]);
  const { plugin } = call.instance;
  const outcome = await call.services.egress.request(call.args, { plugin, allow: (ask) => call.decide(ask), signal });
  return done(outcome as unknown as Json);
}

export async function getSecret(call: Call<{ name: string }>): Promise<RequestOutcome> {
  const decision = call.decide({ permission: "secrets", secret: call.args.name });
  if (!decision.allowed) return denied(decision);
  const secret = call.services.secrets.get(call.instance.plugin, call.args.name);
  return secret.ok ? done(secret.value) : failed(secret.error);
}
