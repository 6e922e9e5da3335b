import { expect } from "bun:test";
import { TestGateway } from "./test-gateway.ts";

/** Further conditions on a message. */
export interface Where {
  /** Name of the node, or `broadcast`. */
  readonly to?: string;
  readonly channel?: number;
  readonly plugin?: string;
}

interface ZephyrGateMatchers {
  /**
   * A message with this text, or one that matches the pattern, was sent.
   * @example expect(gateway).toHaveSent(/storm/i, { to: "broadcast", channel: 0 });
   */
  toHaveSent(text: string | RegExp, where?: Where): void;
  /**
   * The gateway refused a call because its permission was missing.
   * @example expect(gateway).toHaveBeenDenied("http_requests", /example\.org/);
   */
  toHaveBeenDenied(permission: string, scope?: string | RegExp): void;
  /**
   * The log has this line, or one that matches the pattern.
   * @example expect(gateway).toHaveLogged(/cache is empty/);
   */
  toHaveLogged(text: string | RegExp): void;
}

declare module "bun:test" {
  interface Matchers<T> extends ZephyrGateMatchers {}
}

const fits = (wanted: string | RegExp, text: string) => (typeof wanted === "string" ? wanted === text : text.search(wanted) >= 0);

function gatewayOf(received: unknown): TestGateway {
  if (received instanceof TestGateway) return received;
  throw new TypeError("this matcher is for the gateway: expect(gateway).toHaveSent(...)");
}

function verdict(gateway: TestGateway, pass: boolean, what: string) {
  return { pass, message: () => gateway.explain(pass ? `${what}, though it was not to be.` : `It is not so that ${what}.`) };
}

expect.extend({
  toHaveSent(received: unknown, text: string | RegExp, where: Where = {}) {
    const gateway = gatewayOf(received);
    const found = gateway.sent.some((message) => {
      const isThere = (where.to ?? message.to) === message.to && (where.channel ?? message.channel) === message.channel;
      return isThere && (where.plugin ?? message.plugin) === message.plugin && fits(text, message.text);
    });
    const more = Object.entries(where).map(([key, value]) => ` ${key} ${JSON.stringify(value)}`);
    return verdict(gateway, found, `${show(text)} was sent${more.join(",")}`);
  },
  toHaveBeenDenied(received: unknown, permission: string, scope?: string | RegExp) {
    const gateway = gatewayOf(received);
    const found = gateway.denied.some((each) => each.permission === permission && (scope === undefined || fits(scope, each.scope)));
    return verdict(gateway, found, `${permission}${scope === undefined ? "" : ` for ${show(scope)}`} was denied`);
  },
  toHaveLogged(received: unknown, text: string | RegExp) {
    const gateway = gatewayOf(received);
    return verdict(
      gateway,
      gateway.logs.some((line) => fits(text, line.message)),
      `${show(text)} was logged`,
    );
  },
});

function show(text: string | RegExp): string {
  return typeof text === "string" ? JSON.stringify(text) : String(text);
}
