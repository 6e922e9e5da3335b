# Built in two stages: the binary is compiled from the checked-out source; the image holds it and its libraries only.
FROM node:22-bookworm-slim AS build
WORKDIR /build
# The packages are a layer of their own: a change of the source does not fetch them again.
COPY package.json bun.lock bunfig.toml ./
RUN npm run setup
COPY . .
RUN npm run build

FROM debian:bookworm-slim
RUN useradd --system --uid 10001 --home-dir /data zephyrgate && mkdir -p /data && chown zephyrgate /data
# The health check changes less often than the program.
COPY docs/docker/health /usr/local/bin/zephyrgate-health
COPY --from=build /build/dist/zephyrgate /usr/local/bin/zephyrgate
USER zephyrgate
# The gateway, the other verbs and the health check find the same folder; a config.yaml there is read.
ENV ZEPHYRGATE_DATA_DIR=/data
WORKDIR /data
VOLUME /data
# The API listens on loopback unless the configuration says otherwise; publish the port only with care (docs/install.md).
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=2m CMD ["zephyrgate-health"]
ENTRYPOINT ["zephyrgate"]
CMD ["gateway"]
