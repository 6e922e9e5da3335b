export { FakeClock, fakeRandom, settle } from "../src/testing/world/clock.ts";
