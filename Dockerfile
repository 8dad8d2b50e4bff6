# The operator and helm, nothing else: no sandbox, no tests, no shell tools of ours.
FROM golang:1.26.8-bookworm AS helm
WORKDIR /src
COPY sandbox/kubernetes/build/helm/go.mod sandbox/kubernetes/build/helm/go.sum ./
RUN CGO_ENABLED=0 go build -trimpath -mod=readonly \
    -ldflags "-s -w -X helm.sh/helm/v3/internal/version.version=v3.22.0" \
    -o /helm helm.sh/helm/v3/cmd/helm

FROM python:3.11.14-slim-bookworm AS packages
WORKDIR /src
COPY requirements/operator.txt requirements/build.txt ./
RUN python -m venv /venv \
    && /venv/bin/pip install --no-cache-dir --require-hashes -r operator.txt \
    && python -m venv /build && /build/bin/pip install --no-cache-dir --require-hashes -r build.txt
COPY pyproject.toml README.md ./
COPY operator ./operator
# The sandbox's command is declared beside the operator's and has nothing behind it in the image.
RUN /build/bin/python -m hatchling build -t wheel -d /dist \
    && /venv/bin/pip install --no-cache-dir --no-deps --no-index --find-links /dist notebook-platform \
    && rm /venv/bin/notebook-platform-sandbox

FROM python:3.11.14-slim-bookworm
COPY --from=helm /helm /usr/local/bin/helm
COPY --from=packages /venv /venv
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 65532:65532
ENTRYPOINT ["notebook-platform"]
CMD ["run"]
