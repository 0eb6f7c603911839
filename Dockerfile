# The image of every Quayside process: web, workers, watcher, beat and migrations differ by command only.
# Builds with and without BuildKit, and where only a package mirror is reachable (PIP_INDEX_URL and the like
# are taken from the base image's environment).
ARG PYTHON_IMAGE=python:3.13-slim-bookworm
ARG DOCKER_IMAGE=docker:28-cli

# -- Everything that needs tools: packages, static files, byte code -----------------------------------
FROM ${PYTHON_IMAGE} AS build
WORKDIR /app
COPY requirements.txt ./
RUN python -m venv --without-pip /opt/venv \
 && python -m pip --python /opt/venv/bin/python install --no-cache-dir --disable-pip-version-check \
      --only-binary :all: -r requirements.txt
COPY . .
RUN QUAYSIDE_DATA_DIR=/tmp/build /opt/venv/bin/python manage.py collectstatic --noinput -v 0 \
 && /opt/venv/bin/python -m compileall -q config dashboard fleet \
 && chmod -R a+rX /app

# -- The docker command, by which workers build with BuildKit ------------------------------------------
FROM ${DOCKER_IMAGE} AS docker

# -- What runs ----------------------------------------------------------------------------------------
FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="Quayside" \
      org.opencontainers.image.description="A self-hosted web dashboard for fleets of Docker hosts"

# A number that no account of the host has. /data is the only place it may write to.
RUN groupadd --gid 10001 quayside \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin quayside \
 && install -d -o 10001 -g 10001 -m 0750 /data
# Workers fetch contexts with Git, by https and by ssh.
RUN command -v git >/dev/null && command -v ssh >/dev/null \
 || { apt-get update && apt-get install -y --no-install-recommends git openssh-client \
      && rm -rf /var/lib/apt/lists/*; }
COPY --from=docker /usr/local/bin/docker /usr/local/bin/docker
COPY --from=docker /usr/local/libexec/docker/cli-plugins/docker-buildx /usr/local/libexec/docker/cli-plugins/docker-buildx
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app /app

ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    QUAYSIDE_DATA_DIR=/data \
    BIND=0.0.0.0 \
    PORT=8000
WORKDIR /app
VOLUME /data
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
  CMD ["python", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ['PORT'] + '/healthz', timeout=4)"]
CMD ["python", "-m", "config.web"]
