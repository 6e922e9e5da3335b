import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { makeCronRule } from "../../src/schedule/cron.ts";

const NOW = Date.parse("2026-01-15T10:30:00Z");

function next(pattern: string, timezone = "UTC", from = NOW): string {
  const rule = makeCronRule(pattern, timezone, from);
  if (!rule.ok) return rule.error.summary();
  const at = rule.value.next(from);
  return at === null ? "never" : new Date(at).toISOString();
}

function refusal(pattern: string, timezone?: string): string {
  const rule = makeCronRule(pattern, timezone, NOW);
  return rule.ok ? "accepted" : rule.error.summary();
}

describe("patterns", () => {
  test.each([
    ["*/15 * * * *", "2026-01-15T10:45:00.000Z"],
    ["*/10 * * * * *", "2026-01-15T10:30:10.000Z"],
    ["0 7 * * *", "2026-01-16T07:00:00.000Z"],
    ["5,35 10-12 * * *", "2026-01-15T10:35:00.000Z"],
    ["0 0 * JUN-AUG MON-FRI", "2026-06-01T00:00:00.000Z"],
    ["0 0 29 2 *", "2028-02-29T00:00:00.000Z"],
    ["0 0 L * *", "2026-01-31T00:00:00.000Z"],
    ["0 0 * * FRI#2", "2026-02-13T00:00:00.000Z"],
    ["0 0 15W 8 *", "2026-08-14T00:00:00.000Z"],
    ["0 0 * * 7", "2026-01-18T00:00:00.000Z"],
    ["0 0 1-31/10 * *", "2026-01-21T00:00:00.000Z"],
    ["@hourly", "2026-01-15T11:00:00.000Z"],
    ["  0   7 * * *  ", "2026-01-16T07:00:00.000Z"],
    ["0 0 31 2 MON", "2026-02-02T00:00:00.000Z"],
  ])("%s", (pattern, expected) => {
    expect(next(pattern)).toBe(expected);
  });

  test("a time zone, its summer time, and an hour that does not exist", () => {
    expect(next("0 7 * * *", "Europe/Zurich")).toBe("2026-01-16T06:00:00.000Z");
    expect(next("0 7 * * *", "Europe/Zurich", Date.parse("2026-07-01T00:00:00Z"))).toBe("2026-07-01T05:00:00.000Z");
    expect(next("30 2 29 3 *", "Europe/Zurich", Date.parse("2026-03-01T00:00:00Z"))).toBe("2026-03-29T01:00:00.000Z");
  });
});

describe("refusals say what and what to write instead", () => {
  test.each([
    ["0 0 31 2 *", "never fires: there is no such day (those months have at most 29 days; write L"],
    ["0 0 31 4,6,9,11 *", "never fires"],
    ["2026-05-01", '"2026-05-01" is a date, not a cron pattern (a task repeats: write a pattern such as 0 7 * * *'],
    ["2026-05-01T10:00:00", "is a date"],
    ["* * *", "has 3 fields (write five fields, or six with seconds first"],
    ["0 0 1 1 * * 2030", "has 7 fields"],
    ["", "has 1 fields"],
    ["0 25 * * *", "hour 25 is not within 0 to 23"],
    ["60 * * * *", "minute 60 is not within 0 to 59"],
    ["0 0 * * FUNDAY", 'day of the week "FUNDAY" is not understood'],
    ["*/0 * * * *", "the step is a number from 1 to 60"],
    ["5/10 * * * *", "a step needs * or a range, as 5-59/10"],
    ["0 22-5 * * *", "the range runs backwards; write two ranges"],
    ["0 0 0 * *", "day of the month 0 is not within 1 to 31"],
    [`${"1,".repeat(60)}1 * * * *`, "longer than 100 characters"],
    ["x".repeat(1_000_000), "longer than 100 characters"],
    ["hourly", "has 1 fields"],
    ["__proto__", "has 1 fields"],
    ["constructor", "has 1 fields"],
  ])("%.30s", (pattern, expected) => {
    expect(refusal(pattern)).toContain(expected);
  });

  test.each([
    ["Mars/Olympus", 'there is no time zone "Mars/Olympus" (write an IANA name such as Europe/Zurich'],
    [`Mars/${"x".repeat(100)}`, `"Mars/${"x".repeat(59)}" is not a time zone`],
    ["+02:00", "is not a time zone (write an IANA name such as Europe/Zurich"],
    ["", "is not a time zone"],
    ["A".repeat(100_000), "is not a time zone"],
  ])("time zone %.20s", (zone, expected) => {
    expect(refusal("0 7 * * *", zone)).toContain(expected);
  });
});

test("whatever the pattern, it is judged without harm, and what is accepted fires in the future at whole seconds", () => {
  const item = fc.oneof(
    fc.constantFrom("*", "?", "L", "LW", "15W", "FRI#2", "5L", "MON-FRI", "JAN", "*/5", "1-5", "10-20/3", "0", "59", "31", "30", "29", "2"),
    fc.nat({ max: 70 }).map(String),
    fc.string({ maxLength: 5 }),
  );
  const field = fc.array(item, { minLength: 1, maxLength: 4 }).map((items) => items.join(","));
  const pattern = fc.array(field, { minLength: 4, maxLength: 7 }).map((fields) => fields.join(" "));
  fc.assert(
    fc.property(fc.oneof(pattern, fc.string({ maxLength: 120 })), (source) => {
      const rule = makeCronRule(source, "Europe/Zurich", NOW);
      if (!rule.ok) return rule.error.code === "invalid_argument" && rule.error.message.length < 400;
      const first = rule.value.next(NOW) ?? 0;
      const second = rule.value.next(first) ?? Number.POSITIVE_INFINITY;
      return first > NOW && first % 1000 === 0 && second - first >= Math.min(rule.value.minGapS, 82_800) * 1000;
    }),
    { numRuns: 500 },
  );
});

test("the gap that a pattern keeps is never said to be more than it is", () => {
  const gap = (pattern: string) => {
    const rule = makeCronRule(pattern, "UTC", NOW);
    return rule.ok ? rule.value.minGapS : -1;
  };
  expect(gap("* * * * * *")).toBe(1);
  expect(gap("*/20 * * * * *")).toBe(20);
  expect(gap("5,55 * * * * *")).toBe(10);
  expect(gap("* * * * *")).toBe(60);
  expect(gap("0,45 * * * *")).toBe(900);
  expect(gap("0 8,20 * * *")).toBe(43_200);
  expect(gap("0 8 * * MON")).toBe(86_400);
  expect(gap("10,15,59 * * * * *")).toBe(5);
  expect(gap("0 1,22 * * *")).toBe(3 * 3600);
});

describe("names and nicknames", () => {
  const MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
  test.each(MONTHS.map((name, at) => [name, `2027-${String(at + 1).padStart(2, "0")}-01T00:00:00.000Z`] as const))(
    "%s",
    (name, expected) => {
      const from = Date.parse("2026-12-31T12:00:00Z");
      expect(next(`0 0 1 ${name} *`, "UTC", from)).toBe(expected);
      expect(next(`0 0 1 ${name.toLowerCase()} *`, "UTC", from)).toBe(expected);
    },
  );

  // 2026-01-18 is a Sunday.
  const DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
  test.each(DAYS.map((name, at) => [name, at, `2026-01-${18 + at}T00:00:00.000Z`] as const))("%s is %i", (name, number, expected) => {
    const from = Date.parse("2026-01-17T12:00:00Z");
    expect(next(`0 0 * * ${name}`, "UTC", from)).toBe(expected);
    expect(next(`0 0 * * ${number}`, "UTC", from)).toBe(expected);
  });

  test.each([
    ["@yearly", "2027-01-01T00:00:00.000Z"],
    ["@annually", "2027-01-01T00:00:00.000Z"],
    ["@monthly", "2026-02-01T00:00:00.000Z"],
    ["@weekly", "2026-01-18T00:00:00.000Z"],
    ["@daily", "2026-01-16T00:00:00.000Z"],
    ["@midnight", "2026-01-16T00:00:00.000Z"],
    [" @Hourly ", "2026-01-15T11:00:00.000Z"],
  ])("%s", (nickname, expected) => {
    expect(next(nickname)).toBe(expected);
  });
});

describe("the edges of every field", () => {
  test.each([
    [
      "0 0 0 1 1 0",
      "59 59 23 31 12 7",
      [
        ["60 0 0 1 1 0", "second 60 is not within 0 to 59"],
        ["0 60 0 1 1 0", "minute 60 is not within 0 to 59"],
        ["0 0 24 1 1 0", "hour 24 is not within 0 to 23"],
        ["0 0 0 32 1 0", "day of the month 32 is not within 1 to 31"],
        ["0 0 0 1 13 0", "month 13 is not within 1 to 12"],
        ["0 0 0 1 1 8", "day of the week 8 is not within 0 to 7"],
      ],
    ],
    [
      "0 0 0 1 1 0",
      "0 0 0 1 1 0",
      [
        ["0 0 0 0 1 0", "day of the month 0 is not within 1 to 31"],
        ["0 0 0 1 0 0", "month 0 is not within 1 to 12"],
      ],
    ],
  ])("%s to %s", (first, last, beyond) => {
    for (const pattern of [first, last]) expect(refusal(pattern)).toBe("accepted");
    for (const [pattern, why] of beyond) expect(refusal(pattern ?? "")).toContain(why ?? "?");
  });

  test.each([
    ["0 0 30 2 *", "at most 29 days"],
    ["0 0 31 11 *", "at most 30 days"],
    ["0 0 31 2,4 *", "at most 30 days"],
  ])("%s never fires", (pattern, expected) => {
    expect(refusal(pattern)).toContain(expected);
  });

  test.each(["0 0 29 2 *", "0 0 31 1,2 *", "0 0 30,31 4 *", "0 0 31 12 *", "0 0 31 2 SUN", "0 0 LW 2 *"])("%s fires", (pattern) => {
    expect(refusal(pattern)).toBe("accepted");
  });

  test.each([4, 6, 9, 11])("month %i has 30 days", (month) => {
    expect(refusal(`0 0 30 ${month} *`)).toBe("accepted");
    expect(refusal(`0 0 31 ${month} *`)).toContain("those months have at most 30 days");
  });

  test.each([1, 3, 5, 7, 8, 10, 12])("month %i has 31 days", (month) => {
    expect(refusal(`0 0 31 ${month} *`)).toBe("accepted");
  });

  test.each([
    ["*/60 * * * *", "accepted"],
    ["*/61 * * * *", "the step is a number from 1 to 60"],
    ["0 */24 * * *", "accepted"],
    ["0 */25 * * *", "the step is a number from 1 to 24"],
    ["0 0 */31 * *", "accepted"],
    ["0 0 */32 * *", "the step is a number from 1 to 31"],
    ["0 0 1 */12 *", "accepted"],
    ["0 0 1 */13 *", "the step is a number from 1 to 12"],
    ["1-2-3 * * * *", 'minute "1-2-3" is not understood'],
    ["*/2/3 * * * *", 'minute "*/2/3" is not understood'],
    ["*/ * * * *", 'minute "*/" is not understood'],
    ["100 * * * *", 'minute "100" is not understood'],
    ["*/1x * * * *", "the step is a number"],
    ["5-5 * * * *", "accepted"],
    ["0 0 32W * *", "day of the month 32 is not within 1 to 31"],
    ["0 0 * * 8#1", "day of the week 8 is not within 0 to 7"],
    ["0 0 * * FRI#6", "is not understood"],
    ["0 0 * * FRI#L", "accepted"],
    ["0 0 * * FRIL", "accepted"],
    ["L * * * *", 'minute "L" is not understood'],
    ["0 0 * 15W *", 'month "15W" is not understood'],
  ])("%s", (pattern, expected) => {
    expect(refusal(pattern)).toContain(expected);
  });

  test("a field holds as many items as a pattern of 100 characters has room for", () => {
    const items = (count: number) => Array.from({ length: count }, (_, at) => at % 10).join(",");
    expect(refusal(`${items(45)} * * * *`)).toBe("accepted");
    const longest = `${items(46)} * * * *`;
    expect(longest).toHaveLength(99);
    expect(refusal(`${longest} `)).toBe("accepted");
    expect(refusal(`${longest}  `)).toContain("longer than 100 characters");
  });

  test("an offset as a time zone is refused up to the length limit, a name of 64 characters is looked up", () => {
    expect(refusal("0 7 * * *", "A".repeat(64))).toContain("there is no time zone");
    expect(refusal("0 7 * * *", "A".repeat(65))).toContain("is not a time zone");
    expect(refusal("0 7 * * *", "Etc/GMT+5")).toBe("accepted");
  });
});

test("runs are counted after one time and up to another, to a limit", () => {
  const rule = makeCronRule("0 * * * *", "UTC", NOW);
  if (!rule.ok) throw rule.error;
  const at = (text: string) => Date.parse(`2026-01-15T${text}:00Z`);
  expect(rule.value.count(at("11:00"), at("13:00"), 100)).toBe(2);
  expect(rule.value.count(at("10:59"), at("13:00"), 100)).toBe(3);
  expect(rule.value.count(at("10:59"), at("12:59"), 100)).toBe(2);
  expect(rule.value.count(at("10:59"), at("13:00"), 2)).toBe(2);
  expect(rule.value.count(at("10:59"), at("13:00"), 0)).toBe(0);
  expect(rule.value.count(at("13:00"), at("11:00"), 100)).toBe(0);
});
