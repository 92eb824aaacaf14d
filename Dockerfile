# Dockerfile - Antiphon in a container: docker build -t antiphon . && docker run -p 8080:8080 -v antiphon:/var/lib/antiphon \
#   -e ANTIPHON_API_KEY=SECRET -e ANTIPHON_ENGINE_URL=http://HOST:PORT antiphon
# What it cannot do without more rights, and which flags give them: docs/packages.md.
FROM debian:12-slim AS build
WORKDIR /src
COPY . .
RUN tools/package /out

FROM debian:12-slim
COPY --from=build /out/*.deb /tmp/
RUN apt-get update && apt-get install -y --no-install-recommends /tmp/*.deb && rm -rf /tmp/*.deb /var/lib/apt/lists/*
USER antiphon
ENV XDG_DATA_HOME=/var/lib HOME=/var/lib/antiphon
VOLUME /var/lib/antiphon
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=10m CMD curl -sf http://127.0.0.1:8080/health
ENTRYPOINT ["/usr/lib/antiphon/start", "/etc/antiphon/antiphon.yaml"]
CMD ["--listen", "0.0.0.0:8080"]
