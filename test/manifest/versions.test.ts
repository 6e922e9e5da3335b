import { describe, expect, test } from "bun:test";
import { gatewayMismatch, isInRange, rangeProblem, versionProblem } from "../../src/manifest/versions.ts";

describe("a version", () => {
  test.each([
    ["1.2.3", undefined],
    ["1.2.3-beta.1", undefined],
    ["1.2", '"1.2" is not a version (semver) | write "1.2.0"'],
    ["1", '"1" is not a version (semver) | write "1.0.0"'],
    ["v01.02", '"v01.02" is not a version (semver) | write "1.2.0"'],
    ["v1.2.3", '"v1.2.3" is not a version (semver) | write "1.2.3"'],
    ["new", '"new" is not a version (semver) | write MAJOR.MINOR.PATCH, for example 1.0.0'],
    [`1.0.0-${"a".repeat(58)}`, undefined],
    [`1.0.0-${"a".repeat(59)}`, "is longer than 64 characters | write MAJOR.MINOR.PATCH"],
  ])("%s", (version, problem) => {
    expect(versionProblem(version)).toBe(problem);
  });
});

describe("a range", () => {
  const LONG = `>=1.0.0${" ".repeat(121)}`;
  test.each([
    ["^1.2.0", undefined],
    ["*", undefined],
    [LONG, undefined],
    [`${LONG} `, "is longer than 128 characters | write a short range such as ^1.2.0"],
    [Array(8).fill("1").join("||"), undefined],
    [Array(9).fill("1").join("||"), "has more than 8 alternatives | write a short range such as ^1.2.0"],
    [" ", "is empty | write * for any version"],
    ["~=1.4", '"~=1.4": ~= is not npm syntax | write "^1.4"'],
    ["~=1.4.2", '"~=1.4.2": ~= is not npm syntax | write "~1.4.2"'],
    ["~=", '"~=": ~= is not npm syntax | write "~1.0.0"'],
    ["==1.*", '"==1.*": == is not npm syntax | write "1.x"'],
    ["!=1.5.0", '"!=1.5.0": != is not npm syntax | write "<1.5.0 || >1.5.0"'],
    [">=1, <2", '">=1, <2": conditions are not joined with commas | write ">=1 <2"'],
    ["about 1", '"about 1" is not a version range | write for example "^1.2.0" or ">=1.0.0 <2.0.0"'],
  ])("%s", (range, problem) => {
    expect(rangeProblem(range)).toBe(problem);
  });

  test("holds prereleases, and nothing that is too long", () => {
    expect(isInRange("1.3.0-beta.1", "^1.2.0")).toBe(true);
    expect(isInRange("2.0.0", "^1.2.0")).toBe(false);
    expect(isInRange("1.0.0", LONG)).toBe(true);
    expect(isInRange("1.0.0", `${LONG} `)).toBe(false);
    expect(isInRange(`1.0.0-${"a".repeat(58)}`, "*")).toBe(true);
    expect(isInRange(`1.0.0-${"a".repeat(59)}`, "*")).toBe(false);
  });
});

test("the gateway's version suits from min_version to max_version, both included", () => {
  const wanted = { min_version: "1.1.0", max_version: "1.2.0" };
  expect(["1.0.9", "1.1.0", "1.2.0", "1.2.1"].map((gateway) => gatewayMismatch(gateway, wanted))).toEqual([
    "needs gateway 1.1.0 or later, this is 1.0.9",
    undefined,
    undefined,
    "runs on gateways up to 1.2.0, this is 1.2.1",
  ]);
  expect(gatewayMismatch("9.9.9", {})).toBeUndefined();
});
