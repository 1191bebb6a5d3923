# Two stages: dependencies by their hashes, then only what runs. `make image`.
ARG PYTHON=python:3.11-slim-bookworm

FROM ${PYTHON} AS build
COPY requirements.txt /src/
RUN pip install --no-cache-dir --disable-pip-version-check --require-hashes --only-binary=:all: \
    --target /app -r /src/requirements.txt
COPY operator/platelet /app/platelet
RUN python -m compileall -q /app

FROM ${PYTHON}
LABEL org.opencontainers.image.title="platelet" \
      org.opencontainers.image.description="Self-healing for Kubernetes that runs the team's own runbooks" \
      org.opencontainers.image.licenses="Apache-2.0"
# Nothing is written at run time: the root file system may be read-only.
ENV PYTHONPATH=/app PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
COPY --from=build /app /app
USER 65532:65532
ENTRYPOINT ["python", "-m", "platelet"]
