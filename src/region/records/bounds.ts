/** What records may cost: the same numbers at every site, because sites keep the same records only under the same bounds. */

export const BODY_BYTES_MAX = 8 * 1024;
/** A record as it travels: a sealed body is a third longer, and there are names and a signature. */
export const WIRE_BYTES_MAX = 13 * 1024;
export const BODY_LIMITS = { chars: WIRE_BYTES_MAX, depth: 32, nodes: 2_000 };
/** What one message between sites carries of records; the region's bound is 32 KB. */
export const MESSAGE_BYTES_MAX = 29 * 1024;

export const TTL_MIN_MS = 60_000;
export const TTL_MAX_MS = 400 * 86_400_000;
/** How long a removal outlives what it removes, so that a slow clock brings nothing back. */
export const REMOVAL_OUTLIVES_MS = 2 * 86_400_000;
/** A record may come from a clock that is this far ahead. */
export const AHEAD_MAX_MS = 26 * 3_600_000;
/** ms since 1970; a clock below was never set, and judges no age. */
export const CLOCK_SET = Date.UTC(2020, 0);

/** Of one origin in one stream; the oldest go first. */
export const STREAM_RECORDS_MAX = 5_000;
export const STREAM_BYTES_MAX = 4 * 1024 * 1024;
/** Removals of one origin in one stream. */
export const STREAM_REMOVALS_MAX = 10_000;
/** Of one origin; further ones are refused. */
export const ORIGIN_STREAMS_MAX = 64;
export const ORIGIN_BYTES_MAX = 32 * 1024 * 1024;

/** `bbs`, `plugins/weather/store`. */
export const STREAM_PATTERN = /^[a-z0-9$][a-z0-9_$:./-]{0,95}$/;
