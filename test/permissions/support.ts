import fc from "fast-check";
import { type Descriptor, HTTP_METHODS, parseEntry } from "../../src/permissions/grammar/descriptor.ts";
import { type PermissionSet, permissionSet } from "../../src/permissions/grammar/sets.ts";

export function must<T>(result: { ok: true; value: T } | { ok: false; error: unknown }): T {
  if (!result.ok) throw result.error;
  return result.value;
}
export const entry = (input: unknown): Descriptor => must(parseEntry(input));
export const setOf = (...entries: unknown[]): PermissionSet => must(permissionSet(entries.map(entry)));

const few = <T>(...values: T[]) => fc.uniqueArray(fc.constantFrom(...values), { minLength: 1, maxLength: 3 });
const fewOrNone = <T>(...values: T[]) => fc.uniqueArray(fc.constantFrom(...values), { maxLength: 3 });
const option = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const rates = fc.constantFrom("1/min", "2/min", "60/h", "10/min", "1/s");
const channels = fewOrNone<string | number>(0, 1, 7, "LongFast", "a, b]=(", "0", "true", "é\u0001\u202e");

/** Entries over few values, so that sets often overlap. */
export const someEntry: fc.Arbitrary<Descriptor> = fc
  .oneof(
    fc.record({
      send_messages: fc.record({
        channels: option(channels),
        direct: option(fc.boolean()),
        broadcast: option(fc.boolean()),
        rate: option(rates),
      }),
    }),
    fc.record({ receive_messages: fc.record({ channels: option(channels), direct: option(fc.boolean()) }) }),
    fc.record({ database_access: fc.record({ quota_mb: option(fc.constantFrom(0.5, 1, 10)) }) }),
    fc.record({
      http_requests: fc.record({
        hosts: option(
          few("a.org", "*.a.org", "x.a.org", "*.x.a.org", "a.org:8443", "a.org:443", "*.a.org:80", "[::1]:8080", "127.0.0.1", "MÜNCHEN.de"),
        ),
        methods: option(few(...HTTP_METHODS)),
        private: option(fc.boolean()),
      }),
    }),
    fc.record({ schedule_tasks: fc.record({ min_interval_s: option(fc.constantFrom(1, 60, 3600)) }) }),
    fc.constant({ system_state_read: {} }),
    fc.record({
      inter_plugin_messaging: fc.record({ plugins: option(fewOrNone("p", "q", "*")), events: option(fewOrNone("p", "e", "|*")) }),
    }),
    fc.record({ secrets: fc.record({ names: option(few("key", "other", '"quoted"')) }) }),
    fc.record({ mesh_requests: fc.record({ rate: option(fc.constantFrom("1/min", "6/h")) }) }),
    fc.record({ region: fc.record({ topics: option(few("a", "b.c", "true", "1e3")) }) }),
    fc.record({ override_commands: fc.record({ names: option(few("help", "sos")) }) }),
  )
  .map((input) => parseEntry(input))
  .filter((result) => result.ok)
  .map(must);

export const someEntries = fc.array(someEntry, { maxLength: 5 });
