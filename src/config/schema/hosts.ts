/** What names other machines in the configuration. */
import { isIP } from "node:net";
import * as v from "valibot";

const HOST_NAME = /^(?=.{1,253}$)[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*$/;

/** What a service is reached at or listens on: a name or an address. The port is a key of its own. */
export const hostAddress = (about: string) =>
  v.pipe(
    v.string(),
    v.check(
      (host) => isIP(host) !== 0 || HOST_NAME.test(host),
      (issue) => `must be a host name or an address alone | ${hostHint(issue.input)}`,
    ),
    v.description(about),
  );

function hostHint(given: string): string {
  const [, name = "", port] = /^(?:[a-z][a-z0-9+.-]*:\/\/)?(\[[^\]]*\]|[^/:[\]]*)(?::(\d{1,5}))?(?:\/.*)?$/i.exec(given.trim()) ?? [];
  const host = name.replace(/^\[|\]$/g, "");
  if (isIP(host) === 0 && !HOST_NAME.test(host)) return "for example 192.168.1.20 or radio.local";
  return `write host: ${isIP(host) === 6 ? JSON.stringify(host) : host}${port === undefined ? "" : `, and port: ${port}`}`;
}

/** A name or an address, without port. */
export const hostName = v.pipe(
  v.string(),
  v.check(
    (name) => isIP(name) !== 0 || HOST_NAME.test(name),
    "must be a host name without scheme and port | for example gateway.example.org",
  ),
);

/** An address, or a network as ADDRESS/BITS. */
export const network = v.pipe(v.string(), v.check(isNetwork, "must be an address or a network | for example 127.0.0.1 or 10.0.0.0/8"));

/** `/`, or `/` and names with `/` between; one at the end is allowed. */
export const urlPath = v.pipe(
  v.string(),
  v.maxLength(200, "is longer than 200 characters"),
  v.regex(/^\/(?:[A-Za-z0-9_~-][A-Za-z0-9._~-]*\/)*(?:[A-Za-z0-9_~-][A-Za-z0-9._~-]*)?$/, "must be a path | for example /mesh"),
);

function isNetwork(text: string): boolean {
  const [address = "", bits, more] = text.split("/");
  const most = { 4: 32, 6: 128 }[isIP(address)];
  return most !== undefined && more === undefined && (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= most));
}

/** An address that the gateway posts to. It may hold a secret in its path, so no error repeats it. */
export const webhook = v.pipe(
  v.string(),
  v.maxLength(2048, "is longer than 2048 characters"),
  v.check((text) => {
    const url = URL.parse(text);
    return url !== null && (url.protocol === "https:" || url.protocol === "http:") && url.username === "" && url.password === "";
  }, "is not an address to post to | write https://HOST/PATH, without user name and password"),
);

/** Where map tiles come from: one host, with the places of zoom, column and row behind it. */
export const tileUrl = v.pipe(
  v.string(),
  v.maxLength(1024, "is longer than 1024 characters"),
  v.check(isTileUrl, "is not the address of map tiles | write for example https://tiles.example.org/{z}/{x}/{y}.png"),
);

function isTileUrl(text: string): boolean {
  const url = URL.parse(text);
  // The page's content policy names the host: it must be one, whatever zoom, column and row are.
  const isOneHost = url !== null && HOST_NAME.test(url.hostname.replace(/^\[.*\]$/, "v6")) && url.username === "" && url.password === "";
  return isOneHost && ["https:", "http:"].includes(url.protocol) && ["{z}", "{x}", "{y}"].every((place) => text.split(place).length === 2);
}
