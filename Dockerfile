# The platform for hosts that are not Debian 13: docker build -t tessera . && docker run -it -v "$PWD:$PWD" -w "$PWD" tessera ./dev test
FROM debian:trixie
COPY packages.txt /packages.txt
RUN apt-get update && grep -v '^#' /packages.txt | \
    DEBIAN_FRONTEND=noninteractive xargs apt-get install -y --no-install-recommends && \
    rm -rf /var/lib/apt/lists/*
ENV TESSERA_INSIDE=1
CMD ["bash"]
