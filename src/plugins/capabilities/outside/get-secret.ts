import * as v from "valibot";
import { word } from "../call/arguments.ts";
import { denied, done, failed } from "../call/call.ts";
import type { Capability } from "../call/capability.ts";

export const getSecret: Capability<"get_secret"> = {
  args: v.strictObject({ name: word(100) }),
  asks: ["secrets"],
  words: "reads a secret that the operator stored for it",
  methods: ["getSecret"],
  run: async (call) => {
    const decision = call.decide({ permission: "secrets", secret: call.args.name });
    if (!decision.allowed) return denied(decision);
    const secret = call.services.secrets.get(call.instance.plugin, call.args.name);
    return secret.ok ? done(secret.value) : failed(secret.error);
  },
};
