export default {
  help: "Wie gut das Gateway dich hört",
  pong: "pong: {facts}",
  direct: "direkt",
  hops: { one: "1 Hop", other: "{count} Hops" },
  snr: "SNR {value} dB",
  rssi: "RSSI {value} dBm",
  unknown: "gehört, aber das Funkgerät sagt nicht wie",
} as const;
