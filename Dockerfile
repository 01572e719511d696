# One node of Nine Flags. Alone it starts a private Redis in /data; with REDIS_URL it uses that one.
#   docker build -t nineflags .
#   docker run -p 8080:8080 -v nineflags:/data nineflags

FROM rust:1.95-slim-bookworm AS build
WORKDIR /nineflags
# What the binary is made of, and nothing else: of the tools only what the workspace says, of tests and benches nothing.
COPY Cargo.toml Cargo.lock ./
COPY tools/Cargo.toml tools/
COPY src src
COPY redis redis
COPY static static
RUN cargo build --release --locked --bin nineflags && strip target/release/nineflags

FROM debian:bookworm-slim
# redis-server is for the private Redis only; the package starts nothing in an image.
RUN apt-get update \
    && apt-get install -y --no-install-recommends redis-server \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --no-create-home nineflags \
    && install -d -m 0700 -o nineflags -g nineflags /data
COPY --from=build /nineflags/target/release/nineflags /usr/local/bin/nineflags
USER nineflags
VOLUME /data
# Health and metrics are at 8081, for operators and the balancer: publish it to nobody else.
EXPOSE 8080 8081
# What `docker stop` sends; the node drains and exits within its grace.
STOPSIGNAL SIGTERM
# Alive, not ready: a node that waits for Redis is not to be restarted for that.
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s \
    CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8081 && printf 'GET /healthz HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n' >&3 && head -n 1 <&3 | grep -q ' 200 '"]
# Others can connect, so NINEFLAGS_ORIGIN has to be given: docker run -e NINEFLAGS_ORIGIN=https://play.example.org …
ENV NINEFLAGS_LISTEN=0.0.0.0:8080 NINEFLAGS_OPS_LISTEN=0.0.0.0:8081 NINEFLAGS_DATA=/data
ENTRYPOINT ["nineflags"]
CMD ["serve"]
