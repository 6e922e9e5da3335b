import type { LinkStatus, Modem } from "../link-status.ts";

const LONG_FAST: Modem = { spreadingFactor: 11, bandwidth: 250, codingRate: 5 };
const MODEMS: Readonly<Record<string, Modem>> = {
  SHORTTURBO: { spreadingFactor: 7, bandwidth: 500, codingRate: 5 },
  SHORTFAST: { spreadingFactor: 7, bandwidth: 250, codingRate: 5 },
  SHORTSLOW: { spreadingFactor: 8, bandwidth: 250, codingRate: 5 },
  MEDIUMFAST: { spreadingFactor: 9, bandwidth: 250, codingRate: 5 },
  MEDIUMSLOW: { spreadingFactor: 10, bandwidth: 250, codingRate: 5 },
  LONGTURBO: { spreadingFactor: 11, bandwidth: 500, codingRate: 8 },
  LONGFAST: LONG_FAST,
  LONGMODERATE: { spreadingFactor: 11, bandwidth: 125, codingRate: 8 },
  LONGSLOW: { spreadingFactor: 12, bandwidth: 125, codingRate: 8 },
  VERYLONGSLOW: { spreadingFactor: 12, bandwidth: 62.5, codingRate: 8 },
};
/** On 2.4 GHz the presets use wider channels: by their usual bandwidth, kHz. */
const WIDE: Readonly<Record<number, number>> = { 500: 1625, 250: 812.5, 125: 406.25, 62.5: 203.125 };
const WIDE_REGION = "LORA_24";
/** The radio's own header, and the protobuf around a text. */
const OVERHEAD_BYTES = 16 + 8;
const PREAMBLE_SYMBOLS = 16 + 4.25;

/** What {@link timeOnAir} needs of a link's status. */
export type ModemFacts = Pick<LinkStatus, "modem" | "modemPreset" | "region">;

/** Airtime of one transmission of a text of so many bytes, ms, by the LoRa symbol formula. An unknown preset counts as LongFast. */
export function timeOnAir(textBytes: number, { modem, modemPreset = "", region }: ModemFacts): number {
  const preset = MODEMS[modemPreset.toUpperCase().replace(/[^A-Z]/g, "")] ?? LONG_FAST;
  const { spreadingFactor, codingRate } = modem ?? preset;
  const bandwidth = modem?.bandwidth ?? widened(preset.bandwidth, region);
  const symbolMs = 2 ** spreadingFactor / bandwidth;
  // For slow symbols the radio uses its low data rate optimisation: each symbol then carries two bits less.
  const bits = 4 * (symbolMs > 16 ? spreadingFactor - 2 : spreadingFactor);
  const symbols = Math.ceil((8 * (textBytes + OVERHEAD_BYTES) - 4 * spreadingFactor + 28 + 16) / bits) * codingRate;
  return (PREAMBLE_SYMBOLS + 8 + Math.max(symbols, 0)) * symbolMs;
}

function widened(bandwidth: number, region: string | undefined): number {
  return region === WIDE_REGION ? (WIDE[bandwidth] ?? bandwidth) : bandwidth;
}
