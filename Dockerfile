# One worker of the grid in a container: the region's journal on a volume, or in Redis with --store. The image has no
# tests and no development packages.

FROM node:20-bookworm-slim AS build
WORKDIR /build
# The packages alone first: they change less often than the sources. Scripts are off, since ours would build what is not
# here yet, and no dependency needs one (native parts come prebuilt).
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY protocol protocol
COPY cluster cluster
COPY node node
COPY loadtest loadtest
RUN npm run build && npm prune --omit=dev --ignore-scripts

FROM node:20-bookworm-slim
ENV NODE_ENV=production
# Short pauses for garbage collection: docs/operations.md, "Flags of Node".
ENV NODE_OPTIONS="--v8-pool-size=1 --max-semi-space-size=8"
WORKDIR /holdfast
COPY --from=build /build/package.json ./
COPY --from=build /build/node_modules node_modules
COPY --from=build /build/dist dist
COPY LICENSE README.md CHANGELOG.md ./
# The data directory belongs to the user before it becomes a volume, so that a fresh volume does too.
RUN mkdir /data && chown node:node /data
USER node
VOLUME /data
EXPOSE 7400
# /readyz answers once the worker owns its partitions and can commit; a long replay counts as starting, not as ill.
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:7400/readyz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# Stopping it drains: give it time (docker stop --time 30).
STOPSIGNAL SIGTERM
ENTRYPOINT ["node", "dist/node/cli/main.js"]
# A container's port is reached from outside it, so it listens on all its addresses; publish it where it is wanted only.
CMD ["serve", "--region", "eu-west", "--host", "0.0.0.0", "--port", "7400", "--data-dir", "/data"]
