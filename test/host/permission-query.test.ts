import { expect, test } from "bun:test";
import { openProbe, withHost } from "../sandbox/support.ts";

const STATES = {
  granted: [{ http_requests: { hosts: ["*.open-meteo.com", "api.weather.gov"] } }, { send_messages: { rate: "10/min" } }],
  denied: [{ http_requests: { hosts: ["bad.open-meteo.com"] } }],
  requested: [],
};

test("permissions.query goes by the sets that the gateway judges by", () =>
  withHost(async (host) => {
    const ask = `ask(entry) { try { return this.permissions.query(entry); } catch (error) { return error.code + ": " + error.message; } }`;
    const probe = await openProbe(host, ask, { permissions: STATES });
    const asked = async (entry: unknown) => {
      const outcome = await probe.act("ask", entry as never);
      return outcome.ok ? outcome.value : outcome.error.message;
    };
    expect(await asked({ http_requests: { hosts: ["api.open-meteo.com"] } })).toBe("granted");
    expect(await asked({ http_requests: { hosts: ["api.weather.gov", "a.b.open-meteo.com"] } })).toBe("granted");
    expect(await asked({ http_requests: { hosts: ["open-meteo.com"] } })).toBe("prompt");
    expect(await asked({ http_requests: { hosts: ["bad.open-meteo.com"] } })).toBe("denied");
    expect(await asked("http_requests")).toBe("denied");
    expect(await asked({ send_messages: { rate: "5/min" } })).toBe("granted");
    expect(await asked("send_messages")).toBe("prompt");
    expect(await asked("secrets")).toBe("prompt");
    expect(await asked("nonsense")).toContain("invalid_argument");
    expect(await asked({ http_requests: { hosts: Array.from({ length: 500 }, (_, n) => `h${n}.org`) } })).toContain("too_large");
    probe.realm.update({ permissions: { granted: ["secrets"], denied: [], requested: [] } });
    expect(await asked("secrets")).toBe("granted");
  }));
