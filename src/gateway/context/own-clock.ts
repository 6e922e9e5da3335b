import { systemClock } from "../../clock.ts";
import type { CoreDatabase } from "../../storage/core.ts";
import { type ClockState, OwnClock } from "../../timekeeping/own-clock.ts";
import { systemTimeSource, unknownTimeSource } from "../../timekeeping/sources.ts";
import { anchorStore } from "../../timekeeping/store.ts";
import type { GatewayContext } from "./context.ts";

const ALERT = "clock_wrong";
const FIX = "set it, or enable network time: timedatectl set-ntp true";

/** Judges this machine's clock, and tells the operators while it is wrong. Judges nothing before its start. */
export function watchOwnClock(context: GatewayContext, database: CoreDatabase): OwnClock {
  const { clock, bus, log, life, overrides } = context;
  const logger = log.logger.child("clock");
  let isRaised = false;
  const ownClock = new OwnClock({
    clock,
    source: overrides.timeSource ?? (clock === systemClock ? systemTimeSource : unknownTimeSource),
    store: anchorStore(database, logger),
    onChange: (state) => {
      tell(state);
      if (isRaised && state.kind !== "wrong") bus.emit("alert_cleared", { code: ALERT });
      if (state.kind === "wrong") bus.emit("alert", { code: ALERT, message: `this machine's clock is wrong: ${state.reason}` });
      isRaised = state.kind === "wrong";
    },
  });
  const tell = (state: ClockState) => {
    if (state.kind === "wrong") logger.error(`this machine's clock is wrong: ${state.reason}; radios keep theirs`, { hint: FIX });
    else if (state.kind === "unconfirmed")
      logger.warn(`this machine's clock may be wrong: ${state.reason}; radios keep theirs`, { hint: FIX });
    else if (state.by !== "progress") logger.debug("this machine's clock is believed", { by: state.by });
  };
  life.add("own clock", () => ownClock.stop());
  return ownClock;
}
