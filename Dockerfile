# One image for every role; the lock pins what is inside.
FROM python:3.12-slim AS build
WORKDIR /src
COPY requirements.lock pyproject.toml README.md LICENSE ./
RUN python -m venv /opt/gateway \
 && /opt/gateway/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY gateway.py ./
COPY canonical canonical
COPY commands commands
COPY configuration configuration
COPY connectors connectors
COPY demo demo
COPY embedded embedded
COPY routing routing
COPY store store
COPY transports transports
COPY workbench workbench
RUN /opt/gateway/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.12-slim
RUN useradd --system --create-home --home-dir /var/lib/gateway gateway
COPY --from=build /opt/gateway /opt/gateway
# A container has its ports to itself, so every role may say how it is on the same one.
ENV PATH=/opt/gateway/bin:$PATH PYTHONUNBUFFERED=1 GATEWAY_STATUS_PORT=8080
USER gateway
WORKDIR /var/lib/gateway
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8080/readyz', timeout=2)"]
ENTRYPOINT ["gateway"]
CMD ["run", "--host", "0.0.0.0"]
