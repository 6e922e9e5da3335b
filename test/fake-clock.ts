export { FakeClock, fakeRandom, settle } from "../src/testing/clock.ts";
