# One image for every service of Landun; docker-compose.yml says which command each runs.
FROM python:3.11-slim AS build
WORKDIR /src
COPY pyproject.toml constraints.txt landun.py ./
COPY registry registry
COPY store store
COPY ingest ingest
COPY monitor monitor
COPY dashboard dashboard
COPY simulators simulators
COPY operations operations
RUN python -m venv /opt/landun && /opt/landun/bin/pip install --no-cache-dir -c constraints.txt .

FROM python:3.11-slim
# A user of its own; the folders are its own too, so that volumes begun from them are.
RUN useradd --uid 10001 --user-group --home-dir /var/lib/landun --shell /usr/sbin/nologin landun \
    && install -d -o landun -g landun -m 0750 /var/lib/landun /var/lib/landun/nats /var/lib/landun/anchors
COPY --from=build /opt/landun /opt/landun
ENV PATH=/opt/landun/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    OPENBLAS_NUM_THREADS=1 \
    OMP_NUM_THREADS=1 \
    HOME=/tmp \
    LANDUN_DATA=/var/lib/landun
USER 10001:10001
WORKDIR /var/lib/landun
ENTRYPOINT []
CMD ["landun", "--help"]
