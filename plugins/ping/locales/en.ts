export default {
  help: "How well the gateway hears you",
  pong: "pong: {facts}",
  direct: "direct",
  hops: { one: "1 hop", other: "{count} hops" },
  snr: "SNR {value} dB",
  rssi: "RSSI {value} dBm",
  unknown: "heard, but the radio does not say how",
} as const;
