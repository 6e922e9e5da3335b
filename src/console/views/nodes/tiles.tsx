import { useEffect, useRef } from "preact/hooks";
import type { MapView } from "../../api/types.ts";
import { type Frame, type Tile, tilesOf } from "./projection.ts";

type Source = NonNullable<MapView["tiles"]>;

interface TilesProps {
  readonly of: Source;
  readonly frame: Frame;
  /** Whether none of the last tiles came. */
  failed(isFailing: boolean): void;
}

/** So many that do not come, and none that does, are no gap in the map. */
const FAILING = 3;

/** The map below the points. A tile that does not come leaves the plain grid in its place. */
export function Tiles({ of: source, frame, failed }: TilesProps) {
  const missing = useRef(0);
  useEffect(() => {
    missing.current = 0;
    failed(false);
  }, [source.url]);
  const came = () => {
    missing.current = 0;
    failed(false);
  };
  const lost = (image: SVGImageElement) => {
    image.style.visibility = "hidden";
    missing.current += 1;
    if (missing.current >= FAILING) failed(true);
  };
  return (
    <g class="tiles">
      {tilesOf(frame, source.max_zoom).map((tile) => (
        <image
          key={`${tile.z}/${tile.column}/${tile.y}`}
          href={addressOf(source.url, tile)}
          x={tile.left}
          y={tile.top}
          width={tile.size}
          height={tile.size}
          preserveAspectRatio="none"
          {...(isOnThisHost(source.url) ? { crossorigin: "anonymous" } : {})}
          onLoad={came}
          onError={(event) => lost(event.currentTarget)}
        />
      ))}
    </g>
  );
}

/** Cookies are not separated by port: another program on the gateway's host must not be sent the session. It has to allow any origin. */
function isOnThisHost(url: string): boolean {
  return URL.parse(url)?.hostname === location.hostname;
}

function addressOf(url: string, { z, x, y }: Tile): string {
  return url.replace("{z}", String(z)).replace("{x}", String(x)).replace("{y}", String(y));
}

export function hostOf(url: string): string {
  return URL.parse(url)?.host ?? url;
}
