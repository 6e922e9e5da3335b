import * as v from "valibot";
import type { RegistrationId } from "../../../ids.ts";
import { idSchema } from "../../registrations/registration.ts";
import { done } from "../call/call.ts";
import type { Capability } from "../call/capability.ts";

export const dispose: Capability<"dispose", { registration: RegistrationId }> = {
  args: v.strictObject({ registration: idSchema }),
  asks: [],
  words: "takes back a registration of its own",
  methods: [],
  run: async ({ instance, args }) => {
    const entry = instance.registrations.dispose(args.registration);
    if (entry !== null) instance.handlers.delete(entry.handle);
    return done();
  },
};
