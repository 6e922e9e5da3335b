/** The console and the control API. */
import * as v from "valibot";
import { hostAddress, hostName, network, tileUrl, urlPath } from "./hosts.ts";
import { about, list, section, text, whole } from "./values.ts";

export const api = section(
  {
    host: v.optional(hostAddress("Address to listen on."), "127.0.0.1"),
    port: v.optional(whole(0, 65_535, "TCP port; 0 takes a free one."), 8080),
    allowed_hosts: v.optional(
      list(hostName, "Further names by which the gateway may be called, such as a reverse proxy's. Any other Host header is refused."),
      [],
    ),
    trusted_proxies: v.optional(
      list(network, "Reverse proxies, addresses or networks, that are believed in X-Forwarded-For and X-Forwarded-Proto."),
      [],
    ),
    tls: v.optional(
      v.pipe(
        v.strictObject({
          cert: text("PEM file: the server's certificate, then its chain."),
          key: text("PEM file: its private key, without a passphrase."),
        }),
        v.description("Serve https. The files are read again when they change. Absent: http."),
      ),
    ),
    position_digits: v.optional(
      whole(
        0,
        6,
        "Decimal places of a degree to which positions of others are rounded for tokens of the role read: 2 is about a kilometre, 3 a hundred metres; 6: not rounded.",
      ),
      2,
    ),
    map_tiles: v.optional(
      v.pipe(
        v.strictObject({
          url: about(
            tileUrl,
            "Address of a tile, with {z}, {x} and {y}; the browser asks this host, which learns what part of the map is looked at.",
          ),
          attribution: v.optional(text("Whose map it is; shown on it.", 200)),
          max_zoom: v.optional(whole(0, 24, "The finest zoom that there are tiles for."), 19),
        }),
        v.description("Tiles below the console's map. Absent: positions are drawn on a plain grid, and nothing is asked from elsewhere."),
      ),
    ),
    base_path: v.optional(about(urlPath, "Path of the page and the API below the host; a reverse proxy passes it on unchanged."), "/"),
  },
  "The control API.",
);
