# Targets: cli (the command alone), node and agent (cli that serves, or waits for runs), full (cli with the embedded
# results store, half a gigabyte more; the default). Debian: the prebuilt parts need glibc, Alpine has none.
ARG NODE_IMAGE=node:22.23.3-bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY tools/link-command.mjs tools/
COPY server server
COPY scenarios scenarios
COPY reports reports
COPY loadgen loadgen
COPY deploy/healthcheck.mjs deploy/
RUN npm run build \
  && npm prune --omit=dev --ignore-scripts \
  && rm -rf node_modules/.bin node_modules/.package-lock.json \
  && mv node_modules/@chdb /chdb

FROM ${NODE_IMAGE} AS cli
ARG VERSION=dev
LABEL org.opencontainers.image.title="Plimsoll" \
  org.opencontainers.image.description="Load testing and capacity simulation for chat servers, with a reference server" \
  org.opencontainers.image.licenses="MIT" \
  org.opencontainers.image.version="${VERSION}"
ENV NODE_ENV=production
WORKDIR /opt/plimsoll
COPY --from=build /src/node_modules node_modules
COPY --from=build /src/dist dist
COPY --from=build /src/scenarios scenarios
COPY --from=build /src/reports/queries reports/queries
COPY --from=build /src/loadgen/cli/bin.mjs loadgen/cli/
COPY --from=build /src/deploy/healthcheck.mjs deploy/
COPY --from=build /src/package.json ./
COPY LICENSE ./
# A named volume takes over the owner of the folder it is mounted on.
RUN ln -s /opt/plimsoll/loadgen/cli/bin.mjs /usr/local/bin/plimsoll \
  && install -d -o 1000 -g 1000 /var/lib/plimsoll /srv/plimsoll /srv/plimsoll/.plimsoll
WORKDIR /srv/plimsoll
USER 1000:1000
STOPSIGNAL SIGTERM
ENTRYPOINT ["plimsoll"]
CMD ["--help"]

FROM cli AS node
VOLUME ["/var/lib/plimsoll"]
EXPOSE 4600-4604
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
  CMD ["node", "/opt/plimsoll/deploy/healthcheck.mjs", "node"]
CMD ["serve", "--host", "0.0.0.0", "--shard-port", "4601", "--data", "/var/lib/plimsoll"]

FROM cli AS agent
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
  CMD ["node", "/opt/plimsoll/deploy/healthcheck.mjs", "agent"]
CMD ["agent"]

FROM cli AS full
COPY --from=build /chdb /opt/plimsoll/node_modules/@chdb
