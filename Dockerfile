# Built in two stages: the binary is compiled from the checked-out source; the image holds it and its libraries only.
FROM node:22-bookworm-slim AS build
WORKDIR /build
COPY . .
RUN npm run setup && npm run build

FROM debian:bookworm-slim
RUN useradd --system --uid 10001 --home-dir /data zephyrgate && mkdir -p /data && chown zephyrgate /data
COPY --from=build /build/dist/zephyrgate /usr/local/bin/zephyrgate
USER zephyrgate
# The gateway and the health check find the same folder.
ENV ZEPHYRGATE_DATA_DIR=/data
WORKDIR /data
VOLUME /data
# The API listens on loopback unless the configuration says otherwise; publish the port only with care (docs/operating.md).
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["zephyrgate", "status"]
ENTRYPOINT ["zephyrgate"]
CMD ["gateway"]
